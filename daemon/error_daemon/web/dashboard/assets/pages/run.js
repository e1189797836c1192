// One run of a workflow: the step that it is at, what is to be seen when it is done, and what the daemon saw when it looked.

import { ask } from "../lib/dialog.js";
import { get, post } from "../lib/api.js";
import { button, errorPlace, facts, link, note, section, shape, time, toned } from "../lib/parts.js";
import { h } from "../lib/render.js";
import { clock, duration, instant, until } from "../lib/words.js";
import { runState } from "./workflows.js";

const KINDS = { done: "good", forced: "waits", not_ok: "bad", unknown: "unknown", aborted: "still", expired: "waits" };
const LOOK_MS = 120000; // a probe has its own time, which the daemon knows
const READINGS = { ok: "good", not_ok: "bad", unknown: "unknown" };

export default {
  title: "Workflow",
  every_s: 3,
  load: ({ params, signal }) => get(`/api/workflow-runs/${encodeURIComponent(params.id)}`, {}, signal),
  view({ run }, ctx) {
    const isOpen = run.state === "active";
    return h("div", { class: "page" },
      h("div", { class: "title" },
        h("div", { class: "line" }, runState(run), h("span", { class: "quiet" }, `${run.steps_done} of ${run.steps.length} done`, isOpen && run.remaining_s ? `, about ${duration(run.remaining_s)} left` : "")),
        h("h1", { tabindex: "-1" }, run.name || run.workflow_id),
        h("p", null, run.target ? `On ${run.target}. ` : "", run.error_id ? link(errorPlace(run.error_id), "The error that it is for") : "", run.attempt_id ? ". A recovery waits for it." : "")),
      run.not_kept_because ? note(`Not in the record yet: ${run.not_kept_because}`) : null,
      section("Steps", { aside: isOpen && run.expires_at ? `given up by itself ${until(run.expires_at)} if nobody goes on` : null },
        h("ol", { class: "rows steps" }, run.steps.map((step, index) => stepRow(run, step, index + 1, ctx)))),
      section("What was done", null, h("ol", { class: "timeline panel" }, [...run.events].reverse().map(event))));
  },
};

function stepRow(run, step, number, ctx) {
  const isHere = run.state === "active" && run.step === number;
  const isDone = number <= run.steps_done;
  return h("li", { key: step.id, class: `row ${isHere ? "here" : ""}`, "aria-current": isHere ? "step" : null, "data-row": true, tabindex: "-1" },
    h("h3", null, shape(isHere ? "busy" : isDone ? "good" : "still"), ` ${number}. ${step.id}`, step.takes_s ? h("small", null, ` about ${duration(step.takes_s)}`) : null),
    isHere ? [
      h("p", { class: "instructions" }, step.instructions),
      facts([["Then you see", step.expected], ["The daemon looks with", step.probe || "nothing: your word is taken for it"], ["It saw", saw(run, number)], ["If not", step.hints.length ? h("ul", null, step.hints.map((hint) => h("li", { key: hint }, hint))) : null]]),
      h("div", { class: "buttons" }, ctx.isOperator ? stepButtons(run, step, ctx) : ctx.whyNot()),
    ] : null);
}

function saw(run, number) {
  const newest = [...run.events].reverse().find((one) => one.step === number && one.reading);
  return newest ? [toned(READINGS[newest.reading.value] || "unknown", newest.reading.probe), ` ${newest.reading.detail} · `, time(newest.at)] : null;
}

function stepButtons(run, step, ctx) {
  const place = `/api/workflow-runs/${encodeURIComponent(run.run_id)}`;
  const complete = (more, said) => ctx.act(() => post(`${place}/complete`, { step: run.step, ...more }, LOOK_MS), said);
  return [
    button("Done", () => complete({}, (told) => (told.went_on ? `Step ${run.step} is done.` : ["waits", `Not done yet, as the daemon sees it: ${told.reading?.detail || told.reading?.value || ""}`])), { class: "main" }),
    step.probe ? button("Go on anyway …", () => force(complete)) : null,
    run.step > 1 ? button("Back", () => ctx.act(() => post(`${place}/back`, { step: run.step }), "One step back.")) : null,
    button("Give up …", () => giveUp(ctx, place)),
  ];
}

async function force(complete) {
  const answer = await ask({ title: "Go on although it was not seen", text: "The daemon's look does not say that this step is done. Others will read why you went on.", fields: [{ name: "note", label: "Why" }], yes: "Go on" });
  if (answer) await complete({ force: true, note: answer.note }, "Gone on, on your word.");
}

async function giveUp(ctx, place) {
  const answer = await ask({ title: "Give this run up", text: "Nothing is undone. A recovery that waits for it goes on up its ladder.", fields: [{ name: "note", label: "Why" }], yes: "Give up", tone: "danger" });
  if (answer) await ctx.act(() => post(`${place}/abort`, { note: answer.note }), "Given up.");
}

function event(one) {
  return h("li", { key: one.number, class: "step" },
    h("div", { class: "when" }, h("b", { title: instant(one.at) }, clock(one.at))),
    shape(KINDS[one.kind] || "busy"),
    h("div", { class: "said" }, h("p", null, one.text), one.note ? note(one.note) : null));
}
