// One error, from its first fault to what it is now: what was decided and why, what was done, what the probes saw.

import { answerButtons, isOfEverything, pauseButton, resolve, resumeAll, retry } from "../lib/acts.js";
import { get } from "../lib/api.js";
import { approvalFacts } from "../lib/approval.js";
import { button, empty, errorPlace, facts, link, note, section, severityMark, shape, table, time, toned } from "../lib/parts.js";
import { whisker, whiskerScale } from "../lib/plots.js";
import { h } from "../lib/render.js";
import { clock, count, duration, instant, isAsked, many, number, percent, since, stateTone, stateWords, type, until } from "../lib/words.js";
import { runPlace, start } from "./workflows.js";

const VERDICTS = {
  recovered: ["good", "It helped"],
  persisting: ["bad", "It did not help"],
  worse: ["bad", "It made it worse"],
  unknown: ["unknown", "Nobody can tell whether it helped"],
};
const READINGS = { ok: "good", not_ok: "bad", unknown: "unknown" };
const WORTH_A_LOOK = ["failed", "observed", "parked", "attempting", "flushed"];
const ENDED = ["resolved", "watching", "observed", "flushed", "failed"];

export default {
  title: "Error",
  every_s: 5,
  async load({ params, signal }) {
    const found = await get(`/api/errors/${encodeURIComponent(params.id)}`, {}, signal);
    const newest = found.decisions[found.decisions.length - 1];
    const explained = newest ? await get(`/api/explain/${encodeURIComponent(found.error.error_id)}`, {}, signal) : null;
    const { found: fitting } = WORTH_A_LOOK.includes(found.error.state) ? await get("/api/workflows/find", { error_id: params.id }, signal) : { found: [] };
    const { brakes } = ENDED.includes(found.error.state) ? { brakes: [] } : await get("/api/brakes", {}, signal);
    return { ...found, explained, fitting, pauses: brakes.filter((brake) => brake.brake === "pause") };
  },
  view({ error, attempts, decisions, incomplete, explained, fitting, pauses }, ctx) {
    const fault = error.fault;
    return h("div", { class: "page" },
      title(error, pauses, ctx),
      isAsked(error) ? asked(error, ctx) : null,
      fitting.length ? section("What could lead you through it", null, h("ul", { class: "rows" }, fitting.map((one) => guide(one, error, ctx)))) : null,
      section("What happened", null, incomplete ? note(incomplete) : null, timeline(error, attempts, decisions, explained)),
      explained?.sentences.length ? section("Why", { aside: "the newest decision" }, why(explained)) : null,
      h("div", { class: "two" },
        section("About it", null, h("div", { class: "panel" }, about(error))),
        fault ? section("Newest fault", null, h("div", { class: "panel" }, faultFacts(fault))) : null),
      fault?.exception ? section("Stack trace", { aside: fault.shortened ? "shortened in the middle" : null }, trace(fault.exception)) : null);
  },
};

function title(error, pauses, ctx) {
  const name = error.target || error.component || "error";
  const canResolve = !["resolved", "watching"].includes(error.state);
  const buttons = ctx.isOperator ? [
    canResolve ? button("I mended it …", () => resolve(ctx, error)) : null,
    ["failed", "parked", "observed", "flushed"].includes(error.state) && error.rule ? button("Try again …", () => retry(ctx, error)) : null,
    error.target && !ENDED.includes(error.state) ? pauseButton(ctx, error.target, pauses.some((pause) => pause.subject === error.target)) : null,
  ] : null;
  return h("div", { class: "title" },
    h("div", { class: "head" }, h("div", { class: "line" }, severityMark(error.severity), toned(stateTone(error), stateWords(error)),
      error.flapping ? toned("waits", "comes back again and again") : null,
      h("span", { class: "quiet" }, count(error.count, "fault"), ", the last ", time(error.last_at))),
      h("div", { class: "buttons" }, buttons)),
    h("h1", { tabindex: "-1" }, name),
    error.message ? h("p", { class: "text" }, error.message) : null,
    error.state_text ? h("p", null, error.state_text) : null,
    heldByAll(pauses.find(isOfEverything), ctx),
    error.root ? h("p", null, "It may be a symptom: first comes ", link(errorPlace(error.root), "what it depends on"), ".") : null);
}

// A pause of everything holds each target, whether it has a pause of its own or not.
function heldByAll(pause, ctx) {
  return pause && h("div", { class: "banner paused" }, shape("waits"),
    h("span", null, h("b", null, "Everything is paused"), ` ${pause.reason}`, pause.until ? ` · until ${until(pause.until)}` : " · until somebody resumes"),
    ctx.isOperator ? button("Resume all …", () => resumeAll(ctx, pause)) : null);
}

// A workflow that fits this error, or the run of it that is open.
function guide({ workflow, because }, error, ctx) {
  const open = workflow.run_id ? link(runPlace(workflow.run_id), "Go to the open run") : ctx.isOperator ? button("Start …", () => start(ctx, workflow, error.error_id)) : null;
  return h("li", { key: workflow.workflow_id, class: "row slim" }, h("b", null, workflow.name || workflow.workflow_id), h("p", null, because || workflow.description), open);
}

// The same question as on the first page, in full.
function asked(error, ctx) {
  const approval = error.approval;
  return section("May this be done?", null, h("div", { key: approval?.decision_id || "asked", class: "panel asks", "data-row": true, tabindex: "-1" },
    approval ? [h("p", null, h("b", null, `${approval.strategy_id} on ${approval.target}`), approval.does ? `: ${approval.does}` : ""), approvalFacts(approval)] : h("p", null, error.state_text || error.reason),
    h("div", { class: "buttons" }, answerButtons(ctx, approval || error))));
}

// --- what happened

function timeline(error, attempts, decisions, explained) {
  const began = number(error.first_at);
  const steps = [{ at: began, tone: "bad", title: "The first fault came", body: h("p", { class: "message" }, error.message) }];
  if (number(error.count) > 1) steps.push({ at: number(error.last_at), tone: "still", title: `The newest of ${many(error.count)} faults` });
  decisions.forEach((one) => steps.push(decided(one, one.decision_id === explained?.decision?.decision_id)));
  attempts.forEach((one) => steps.push(...tried(one)));
  steps.sort((one, other) => one.at - other.at);
  steps.push({ at: 0, tone: stateTone(error), title: `Now: ${stateWords(error)}`, body: [
    error.state_text && error.state_text !== error.reason ? null : h("p", null, error.reason),
    error.parked_until ? h("p", null, `Goes on at ${until(error.parked_until)}.`) : null] });
  return h("ol", { class: "timeline panel" }, steps.map((step, index) => h("li", { key: `${step.at}${step.title}`, class: "step" },
    h("div", { class: "when" }, step.at ? [h("b", { title: instant(step.at) }, clock(step.at)), index && step.at > began ? `+ ${duration(step.at - began)}` : ""] : h("b", null, "now")),
    shape(step.tone, "on-line"),
    h("div", { class: "said" }, h("h3", null, step.title), step.body))));
}

function decided(one, isNewest) {
  const isOnly = one.candidates.length < 2;
  return {
    at: number(one.at), tone: "still",
    title: one.attempt_id || one.mode !== "observe" ? `Chosen: ${one.strategy_id || "nothing"} (level ${one.level})` : `Would have run: ${one.strategy_id || "nothing"}`,
    body: [
      h("p", null, one.reason),
      one.why_now && one.why_now !== one.reason ? note(one.why_now) : null,
      isNewest || !one.candidates.length ? null : h("details", null, h("summary", null, isOnly ? "What was known of it" : `Out of ${count(one.candidates.length, "strategy", "strategies")}`), candidates(one)),
    ],
  };
}

function tried(one) {
  const ended = number(one.execution_time_s) || one.outcome ? number(one.started_at) + number(one.execution_time_s) : 0;
  const started = { at: number(one.started_at), tone: "busy", title: `Began: ${one.strategy_id}`, body: one.lag_s ? note(`${duration(one.lag_s)} after it was due`) : null };
  if (!one.outcome) return [{ ...started, title: `Running: ${one.strategy_id}` }];
  const [tone, words] = VERDICTS[one.verdict] || ["waits", one.outcome === "completed" ? "It is being checked" : `It ${one.outcome.replace("_", " ")}`];
  return [started, { at: ended, tone, title: words, body: [
    h("p", null, `${one.strategy_id} ${one.outcome.replace("_", " ")} after ${duration(one.execution_time_s)}`, one.detail ? `: ${one.detail}` : ""),
    one.readings.length ? h("ul", { class: "readings" }, one.readings.map((reading) => h("li", { key: reading.probe + reading.at }, toned(READINGS[reading.value] || "unknown", reading.probe), " ", h("span", { class: "quiet" }, reading.detail)))) : null] }];
}

// --- why

function why({ decision, sentences }) {
  return h("div", { class: "why" },
    h("ul", { class: "sentences panel" }, sentences.map((sentence) => h("li", { key: sentence }, sentence))),
    decision?.candidates.length ? candidates(decision) : null,
    decision?.brakes.length ? h("details", null, h("summary", null, `${count(decision.brakes.length, "brake")} let it through`), h("ul", { class: "sentences" }, decision.brakes.map((brake) => h("li", { key: brake }, brake)))) : null);
}

function candidates(decision) {
  const hasDraws = decision.candidates.some((one) => one.draw && Math.abs(one.draw - one.success_mean) > 1e-6);
  return [
    table("What was weighed", [
      { name: "Strategy", cell: (one) => one.strategy_id === decision.strategy_id ? toned("good", `${one.strategy_id} (chosen)`) : one.strategy_id },
      { name: "Expected to help", head: whiskerScale(), extra: "wide", cell: (one) => whisker(one.success_low, one.success_mean, one.success_high, hasDraws ? one.draw : null) },
      { name: "Mean", extra: "right", cell: (one) => percent(one.success_mean) },
      { name: "Between", extra: "right", cell: (one) => `${percent(one.success_low)} to ${percent(one.success_high)}` },
      { name: "Attempts", extra: "right", cell: (one) => (number(one.samples) ? number(one.samples).toFixed(1) : "0") },
      { name: "Score", extra: "right", cell: (one) => h("b", null, number(one.score).toFixed(3)) },
    ], decision.candidates, (one) => one.strategy_id),
    note("Dot: the expected rate of success. Line: where it is with 90 % certainty. ", hasDraws ? "Dashes: what was drawn from it, so that what is little known is tried too." : ""),
  ];
}

// --- about it

function about(error) {
  return facts([
    ["Target", error.target ? link(`targets?target=${encodeURIComponent(error.target)}`, error.target) : null],
    ["Component", error.component],
    ["Kind", [type(error.type), error.response_class, error.recovery_class].filter(Boolean).join(", ")],
    ["Severity", error.severity_because],
    ["Rule", error.rule ? `${error.rule} (${error.mode})` : "none matches: it is only recorded"],
    ["Level", error.level ? `${error.level} of 5, ${count(error.attempts, "attempt")}` : null],
    ["First fault", error.first_at ? [instant(error.first_at), ` (${since(error.first_at)} ago)`] : null],
    ["Recovery begun", error.opened_at ? instant(error.opened_at) : null],
    ["Last recovered", error.recovered_at ? [instant(error.recovered_at)] : null],
    ["Grouped because", error.grouped_because.join("; ")],
    ["Related", error.related_error_ids.length ? error.related_error_ids.map((id, index) => h("span", { key: id }, index ? ", " : "", link(errorPlace(id), id))) : null],
    ["Id", h("code", null, error.error_id)],
  ]);
}

function faultFacts(fault) {
  const context = fault.context || {};
  const at = number(fault.occurred_at_unix_ns) / 1e9;
  return facts([
    ["Occurred", at ? instant(at) : null],
    ["Message", fault.message],
    ["Operation", context.operation],
    ["Node", context.node],
    ["Environment", context.environment],
    ["Hardware", context.hardware_id],
    ["Told by", fault.source],
    ["Stopped", fault.affected_tasks ? count(fault.affected_tasks, "task") : null],
    ["Exception", fault.exception ? [fault.exception.type, fault.exception.message].filter(Boolean).join(": ") : null],
    ...Object.entries(context.attributes || {}).map(([name, value]) => [name, value]),
  ]);
}

function trace(exception) {
  if (exception.stack_trace) return h("pre", { tabindex: "0", "aria-label": "Stack trace" }, exception.stack_trace);
  if (!exception.frames.length) return empty("None came with it.");
  return h("pre", { tabindex: "0", "aria-label": "Stack" }, exception.frames.map((frame) => `${frame.file}:${frame.line} in ${[frame.module, frame.function].filter(Boolean).join(".")}`).join("\n"));
}
