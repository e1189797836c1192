// What a person must see in five seconds: what is broken, what is being tried, what waits for them, what holds recoveries back.

import { answerButtons, isOfEverything, pauseButton, resolve, resume, retry } from "../lib/acts.js";
import { approvalFacts } from "../lib/approval.js";
import { get } from "../lib/api.js";
import { button, empty, errorPlace, facts, link, section, severityMark, shape, time, toned } from "../lib/parts.js";
import { bars } from "../lib/plots.js";
import { h } from "../lib/render.js";
import { ago, count, duration, many, number, since, until } from "../lib/words.js";
import { runPlace } from "./workflows.js";

const STANDINGS = {
  trying: ["busy", "being recovered"],
  approval: ["asks", "waits for your yes"],
  failed: ["bad", "needs you"],
  held: ["waits", "held back"],
  waiting: ["waits", "waits for its turn"],
  observed: ["still", "only recorded"],
};

export default {
  title: "Now",
  every_s: 5,
  async load({ signal }) {
    const now = await get("/api/now", {}, signal);
    const asks = now.needs.some((need) => need.kind === "approval");
    const { approvals } = asks ? await get("/api/approvals", {}, signal) : { approvals: [] };
    return { ...now, approvals: new Map(approvals.map((one) => [one.error_id, one])) };
  },
  view(now, ctx) {
    const isQuiet = !now.groups.length && !now.needs.length;
    return h("div", { class: "now" },
      headline(now, ctx),
      stale(now),
      paused(now, ctx),
      now.needs.length ? needs(now, ctx) : null,
      isQuiet ? null : broken(now, ctx),
      held(now, ctx),
      trying(now),
      isQuiet && !number(now.faults_received) ? firstSteps() : null,
      h("div", { class: "two" }, pulse(now), recovered(now)));
  },
  spoken: (now) => headlineWords(now).join(". "),
  tone: (now) => headlineTone(now),
};

const isBroken = (group) => group.standing !== "observed";

function headlineTone(now) {
  if (now.needs.length) return "asks";
  const broken = now.groups.filter(isBroken);
  if (broken.length) return broken.every((group) => group.standing === "trying") ? "busy" : "bad";
  return now.groups.length ? "still" : "good";
}

function headlineWords(now) {
  const broken = now.groups.filter(isBroken).length + now.groups_more;
  const recorded = now.groups.length - now.groups.filter(isBroken).length;
  const asked = now.needs.length + now.needs_more;
  const main = broken ? `${count(broken, "thing is", "things are")} broken` : recorded ? `${count(recorded, "thing is", "things are")} only recorded` : "All is well";
  const rest = [];
  if (asked) rest.push(`${many(asked)} ${asked === 1 ? "waits" : "wait"} for you`);
  if (now.trying.length) rest.push(`${many(now.trying.length + now.trying_more)} being worked on`);
  if (recorded) rest.push(broken ? `${many(recorded)} only recorded` : "no rule may do anything about it");
  return [main, rest.join(", ")].filter(Boolean);
}

function headline(now, ctx) {
  const tone = headlineTone(now);
  const [main, rest] = headlineWords(now);
  const faults = now.groups.reduce((sum, group) => sum + number(group.faults), 0);
  return h("header", { class: `headline ${tone}` },
    shape(tone, "large"),
    h("div", null,
      h("h1", { tabindex: "-1" }, main),
      h("p", null, rest || (now.recovered.length ? ["last recovery ", time(now.recovered[0].at)] : "nothing has happened yet"),
        faults ? ` · ${count(faults, "fault")}` : "")),
    h("div", { class: "buttons" }, pauseButton(ctx, "", isPaused(now))));
}

const isPaused = (now) => now.brakes.some(isOfEverything);

// Nothing can be seen of this host: no part that was newer once.
const blindness = (now) => now.stale.find((one) => one.part === "sensors" && !one.since);

function stale(now) {
  const old = now.stale.filter((one) => one !== blindness(now));
  if (!old.length) return null;
  return h("ul", { class: "banner waits" }, old.map((one) =>
    h("li", { key: one.part }, shape("waits"), h("span", null, `Not up to date: ${one.why}`, one.since ? [" (as of ", time(one.since), ")"] : ""))));
}

// --- what holds recoveries back

function paused(now, ctx) {
  const pause = now.brakes.find(isOfEverything);
  return pause && h("div", { class: "banner paused", role: "status" }, shape("waits"),
    h("span", null, h("b", null, "All recoveries are paused"), ` ${pause.reason}`, pause.until ? ` · until ${until(pause.until)} (${ago(pause.until)})` : " · until somebody resumes",
      pause.waiting ? ` · ${many(pause.waiting)} waiting` : ""));
}

function held(now, ctx) {
  const brakes = now.brakes.filter((brake) => !isOfEverything(brake) && (brake.waiting || brake.state !== "slow start"));
  if (!brakes.length) return null;
  return section("Held back", { class: "held" }, h("ul", { class: "rows" }, brakes.map((brake) =>
    h("li", { key: brake.brake + brake.subject, class: "row" },
      toned(brake.state === "paused" || brake.state === "open" ? "bad" : "waits", `${brake.brake}${brake.subject ? ` of ${brake.subject}` : ""}: ${brake.state}`),
      h("p", null, brake.reason, brake.until ? [" · until ", h("b", null, until(brake.until)), ` (${ago(brake.until)})`] : "",
        brake.waiting ? ` · ${many(brake.waiting)} waiting` : ""),
      brake.brake === "pause" && ctx.isOperator ? button("Resume", () => resume(ctx, brake.subject)) : null))));
}

// --- what waits for a person

function needs(now, ctx) {
  const more = now.needs_more ? `and ${many(now.needs_more)} more` : null;
  return section("Waits for you", { class: "needs", aside: more }, h("ul", { class: "cards" }, now.needs.map((need) => (need.kind === "workflow" ? runCard(need) : need.kind === "approval" && now.approvals.has(need.error_id) ? askedCard(need, now.approvals.get(need.error_id), ctx) : card(need, ctx)))));
}

// Another proposal for the same error is another card: nobody who has chosen the first one has chosen it.
const keyOf = (need, decisionId) => `${need.kind} ${need.error_id} ${decisionId}`;

// One card stands for all that ask for the same.
const alike = (need) => (need.errors > 1 ? h("p", null, `${many(need.errors)} errors ${need.kind === "approval" ? "ask for" : "have failed of"} the same.`) : null);

function askedCard(need, approval, ctx) {
  return h("li", { key: keyOf(need, approval.decision_id), class: "card asks", "data-row": true, tabindex: "-1" },
    h("div", { class: "what" },
      toned("asks", "May this be done?"),
      h("h3", null, approval.strategy_id, " on ", approval.target),
      h("p", null, approval.does),
      alike(need),
      h("p", { class: "message" }, link(errorPlace(need.error_id), need.message || "no message"))),
    approvalFacts(approval),
    h("div", { class: "buttons" }, answerButtons(ctx, approval)));
}

// A run that is open: somebody is needed for its next step.
function runCard(need) {
  return h("li", { key: need.run_id, class: "card asks", "data-row": true, tabindex: "-1" },
    h("div", { class: "what" },
      toned("asks", "Somebody is led through this"),
      h("h3", null, need.message),
      h("p", { class: "message" }, need.action)),
    facts([
      ["Target", need.target],
      ["If nobody does it", [need.otherwise, ", at ", h("span", { class: "deadline" }, `${until(need.until)} (${ago(need.until)})`)]],
      ["Since", time(need.since)],
    ]),
    h("div", { class: "buttons" }, h("a", { class: "button main", href: `#/${runPlace(need.run_id)}` }, "To the step")));
}

const NEEDS = { approval: ["asks", "May this be done?"], failed: ["bad", "Nothing helped"] };

function card(need, ctx) {
  const isAsked = need.kind === "approval";
  const [tone, words] = NEEDS[need.kind] || ["asks", "Waits for you"];
  const who = need.target || need.component;
  return h("li", { key: keyOf(need, need.decision_id), class: `card ${tone}`, "data-row": true, tabindex: "-1" },
    h("div", { class: "what" },
      toned(tone, words),
      h("h3", null, isAsked ? need.action || `${need.strategy_id} on ${who}` : who),
      alike(need),
      h("p", { class: "message" }, link(errorPlace(need.error_id), need.message || "no message"))),
    facts([
      ["Why", need.why],
      ["If nobody answers", [need.otherwise, need.until ? [", at ", h("span", { class: "deadline" }, `${until(need.until)} (${ago(need.until)})`)] : ""]],
      ["Since", time(need.since)],
      ["Severity", severityMark(need.severity)],
    ]),
    h("div", { class: "buttons" }, isAsked ? answerButtons(ctx, need) : ctx.isOperator
      ? [button("Try again …", () => retry(ctx, need)), button("I mended it …", () => resolve(ctx, need))]
      : ctx.whyNot()));
}

// --- what is broken

function broken(now) {
  const more = now.groups_more ? `and ${many(now.groups_more)} more with ${count(now.errors_in_more, "error")}` : null;
  return section("Broken, by cause", { aside: more },
    now.groups.length ? h("ol", { class: "rows groups" }, now.groups.map(group)) : empty("Nothing is broken."));
}

function group(one) {
  const [tone, words] = STANDINGS[one.standing] || ["waits", one.standing];
  const error = one.root_error || {};
  const others = one.targets.slice(1);
  return h("li", { key: one.kind + one.name, class: "row group" },
    h("div", { class: "mark" }, severityMark(one.severity)),
    h("div", { class: "cause" },
      h("h3", null, h("a", { href: `#/${errorPlace(error.error_id)}`, "data-row": true }, one.name || "no component named")),
      h("p", { class: "message" }, error.message || "no message"),
      others.length ? h("p", { class: "quiet" }, `Also hit: ${others.join(", ")}`, one.targets_more ? ` and ${many(one.targets_more)} more` : "") : null),
    h("div", { class: "doing" },
      toned(tone, words),
      doing(one).map((line, index) => h("p", { class: index ? "quiet" : "" }, line))),
    h("div", { class: "size" },
      h("b", null, count(one.faults, "fault")),
      h("span", null, number(one.errors) > 1 ? `in ${count(one.errors, "error")}` : ""),
      h("span", { class: "quiet" }, "for ", h("span", null, since(one.since)))));
}

// What is done, and what comes next; of what waits for a person its card above says it.
function doing(one) {
  const { reason, state_text: text } = one.root_error || {};
  if (one.trying) return [tryingWords(one.trying), one.next_text];
  if (one.standing === "approval") return [one.next_text];
  return one.standing === "failed" || one.standing === "observed" ? [reason] : [text || reason, one.next_text];
}

function tryingWords(one) {
  const left = one.deadline_at ? `, ends by ${until(one.deadline_at)}` : "";
  return `${one.text || one.strategy_id || "looked at"} (for ${since(one.since)}${left})`;
}

// What is not told by a group already.
function trying(now) {
  const told = new Set(now.groups.map((one) => one.trying?.error_id));
  const others = now.trying.filter((one) => !told.has(one.error_id));
  if (!others.length) return null;
  const more = now.trying_more ? `and ${many(now.trying_more)} more` : null;
  return section("Also being worked on", { aside: more }, h("ul", { class: "rows" }, others.map((one) =>
    h("li", { key: one.error_id + one.state, class: "row slim" },
      h("a", { href: `#/${errorPlace(one.error_id)}`, "data-row": true }, toned("busy", one.target || "a target")),
      h("p", null, tryingWords(one)),
      h("span", { class: "quiet" }, [one.level ? `level ${one.level}` : "", one.number ? `attempt ${one.number}` : ""].filter(Boolean).join(", "))))));
}

const firstSteps = () => section("First steps", { class: "first" }, h("ol", { class: "panel" },
  h("li", null, "Nothing was reported yet. Try it: ", h("code", null, "error-cli report \"it broke\" --severity high")),
  h("li", null, "Applications that speak to Sentry, OpenTelemetry, Alertmanager or syslog need another address and nothing else."),
  h("li", null, "What is done about a fault is said by definitions. Without a rule that may act, it is only recorded.")));

// --- how it goes

function pulse(now) {
  const rates = now.rates || { faults: [], recovered: [], failed: [] };
  const span = duration((rates.interval_s || 0) * rates.faults.length);
  const sum = (list) => list.reduce((all, one) => all + number(one), 0);
  const lag = now.lag_last_minute?.samples && number(now.lag_last_minute.samples) ? ["last minute", now.lag_last_minute] : ["since start", now.lag];
  const full = now.rings.filter((ring) => ring.slots && ring.used / ring.slots > 0.5);
  return section("How it goes", { class: "pulse", aside: rates.faults.length ? `bars: the last ${span}` : null }, h("div", { class: "panel" },
    rates.faults.length ? [
      h("div", { class: "rate" }, h("span", null, "Faults"), h("b", null, many(sum(rates.faults))), bars(rates.faults.map(Number), `faults in the last ${span}: ${many(sum(rates.faults))}`)),
      h("div", { class: "rate" }, h("span", null, "Recovered"), h("b", null, many(sum(rates.recovered))), bars(rates.recovered.map(Number), `recovered in the last ${span}: ${many(sum(rates.recovered))}`, "good")),
    ] : null,
    facts([
      ["Fault to action", lag[1] && number(lag[1].samples) ? `${duration(lag[1].p50_us / 1e6)}; 99 of 100 within ${duration(lag[1].p99_us / 1e6)} (${lag[0]})` : "nothing was run yet"],
      ["Workers", `${many(now.workers)}; ${count(now.attempts_running, "attempt")} running`],
      ["Record", now.store?.available === false ? toned("bad", now.store.detail || "cannot be written") : toned("good", "written")],
      ["Faults waiting", full.length ? toned("bad", full.map((ring) => `${ring.priority}: ${many(ring.used)} of ${many(ring.slots)}`).join(", ")) : null],
      ["Refused faults", number(now.faults_refused) ? many(now.faults_refused) : null],
      ["Host", blindness(now) ? toned("unknown", blindness(now).why) : now.sensors.length ? [toned("waits", count(now.sensors.length, "sensor says", "sensors say") + " something"), " ", link("host", "look")] : toned("good", "sensors are quiet")],
      ["Running", now.started_at ? [`${now.host || "this host"}, for ${since(now.started_at)}`, now.state === "draining" ? " (stopping)" : ""] : null],
    ])));
}

function recovered(now) {
  return section("Recovered lately", null, now.recovered.length
    ? h("ul", { class: "rows" }, now.recovered.slice(0, 8).map((one) =>
        h("li", { key: one.error_id + one.at, class: "row slim" },
          h("a", { href: `#/${errorPlace(one.error_id)}`, "data-row": true }, toned("good", one.target || one.component || "an error")),
          h("p", null, one.text, ` · in ${duration(one.took_s)}`),
          h("span", { class: "quiet" }, time(one.at)))))
    : empty("Nothing yet."));
}
