// What leads people through what no strategy can do: the runs that are open, and the workflows that there are, found by what goes wrong.

import { ask } from "../lib/dialog.js";
import { get, post } from "../lib/api.js";
import { button, empty, section, time, toned } from "../lib/parts.js";
import { h } from "../lib/render.js";
import { count, duration, many } from "../lib/words.js";

const STATES = { active: ["busy", "open"], completed: ["good", "done"], aborted: ["still", "given up"], expired: ["waits", "nobody went on"] };
const SHOWN = 20;

export const runPlace = (id) => `workflow-runs/${encodeURIComponent(id)}`;
export const runState = (run) => toned(...(STATES[run.state] || ["unknown", run.state]));

export default {
  title: "Workflows",
  every_s: 5,
  async load({ local, signal }) {
    const [{ workflows }, { runs, incomplete }] = await Promise.all([get("/api/workflows", {}, signal), get("/api/workflow-runs", { limit: SHOWN }, signal)]);
    const { found } = local.wanted ? await get("/api/workflows/find", { text: local.wanted }, signal) : { found: null };
    return { workflows, runs, incomplete, found };
  },
  view({ workflows, runs, incomplete, found }, ctx) {
    const shown = found ? found.map((one) => ({ ...one.workflow, because: one.because })) : workflows;
    return h("div", { class: "page" },
      h("div", { class: "head" }, h("h1", { tabindex: "-1" }, "Workflows"), h("p", { class: "quiet" }, "What leads you, step by step, through what no strategy can do")),
      section("Runs", { aside: incomplete || null }, runs.length ? h("ul", { class: "rows" }, runs.map(runRow)) : empty("Nobody is at one, and nobody was.")),
      section("All workflows", { aside: found ? `${many(found.length)} of ${many(workflows.length)} fit` : null },
        workflows.length ? [finder(ctx), h("div", { class: "grid-of wide" }, shown.map((one) => tile(one, ctx)))] : empty("None is defined.")));
  },
};

function runRow(run) {
  const at = run.state === "active" ? `step ${run.step} of ${run.steps.length}: ${run.steps[run.step - 1]?.id || ""}` : `${run.steps_done} of ${count(run.steps.length, "step")} done`;
  return h("li", { key: run.run_id, class: "row slim" },
    h("a", { href: `#/${runPlace(run.run_id)}`, "data-row": true }, run.name || run.workflow_id),
    h("p", null, runState(run), " ", at, run.target ? ` · ${run.target}` : ""),
    h("span", { class: "quiet" }, time(run.last_at)));
}

function finder(ctx) {
  const submit = (event) => {
    event.preventDefault();
    ctx.local.wanted = new FormData(event.target).get("wanted").trim();
    ctx.refresh();
  };
  return h("form", { class: "filters", role: "search", on: { submit } },
    h("label", null, "What goes wrong?", h("input", { type: "search", name: "wanted", "data-filter": true, maxlength: "200" })),
    h("button", { type: "submit", class: "button" }, "Find"));
}

function tile(one, ctx) {
  return h("article", { key: one.workflow_id, class: "tile", "data-row": true, tabindex: "-1" },
    h("h3", null, one.name || one.workflow_id),
    h("p", null, one.description),
    h("p", { class: "quiet" }, one.because || [count(one.steps.length, "step"), one.takes_s ? `, about ${duration(one.takes_s)}` : "", one.target ? ` · ${one.target}` : ""]),
    ctx.isOperator ? h("div", { class: "buttons" }, button("Start …", () => start(ctx, one))) : null);
}

export async function start(ctx, workflow, errorId = "") {
  const yes = await ask({
    title: `Start ${workflow.name || workflow.workflow_id}`,
    text: [workflow.description, `${count(workflow.steps.length, "step")}; you can stop at any of them. Where somebody is at it already, you join them.`],
    yes: "Start",
  });
  if (!yes) return;
  await ctx.act(() => post(`/api/workflows/${encodeURIComponent(workflow.workflow_id)}/start`, { error_id: errorId }),
    (started) => ["good", started.was_open ? "Somebody is at it already: this is their run, and now yours too." : "Started.", runPlace(started.run.run_id)]);
}
