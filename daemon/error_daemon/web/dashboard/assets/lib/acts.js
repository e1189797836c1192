// What a person may do, in one place: what is asked before, what is sent, what is said afterwards. Only operators see these buttons.

import { post } from "./api.js";
import { ask } from "./dialog.js";
import { button } from "./parts.js";
import { count } from "./words.js";

const of = (id, verb) => `/api/errors/${encodeURIComponent(id)}/${verb}`;
const named = (error) => error.target || error.component || "the error";

// error: {error_id, decision_id, target}. A yes or no names the proposal that was on the page, so nobody says it to another one.
export function answerButtons(ctx, asked) {
  const say = (verb, said) => () => ctx.act(() => post(of(asked.error_id, verb), asked.decision_id ? { decision_id: asked.decision_id } : {}), said);
  return ctx.isOperator
    ? [
        button("Approve", say("approve", `Approved: ${asked.strategy_id || "it"} on ${named(asked)} may run.`), { class: "main", "data-key": "a" }),
        button("Deny", say("deny", `Denied: nothing is done to ${named(asked)}.`), { "data-key": "d" }),
      ]
    : [ctx.whyNot()];
}

export async function resolve(ctx, error) {
  const answer = await ask({
    title: `Mark ${named(error)} as mended`,
    text: "Say this when you have mended it yourself, or when it no longer matters. If it is reported again, it is recovered again.",
    fields: [{ name: "note", label: "What was done (for the record)" }],
    yes: "Mark as mended",
  });
  if (answer) await ctx.act(() => post(of(error.error_id, "resolve"), { note: answer.note }), `${named(error)} is marked as mended.`);
}

export async function retry(ctx, error) {
  const answer = await ask({
    title: `Try ${named(error)} again`,
    text: "Its recovery begins anew from the first level. The target is looked at before anything is done.",
    yes: "Try again",
  });
  if (answer) await ctx.act(() => post("/api/recovery/reset", { error_id: error.error_id }), `${named(error)} is tried again.`);
}

export async function pause(ctx, target = "") {
  const answer = await ask({
    title: target ? `Pause recoveries of ${target}` : "Pause all recoveries",
    text: [
      "Nothing new is begun. What is running comes to its end, and faults are still taken and kept.",
    ],
    fields: [
      { name: "for_s", label: "For how long", value: "3600", choices: [["600", "10 minutes"], ["3600", "1 hour"], ["28800", "8 hours"], ["0", "until somebody resumes"]] },
      { name: "reason", label: "Why (others will read it)" },
    ],
    yes: "Pause",
    tone: "danger",
  });
  if (!answer) return;
  const what = { target, for_s: Number(answer.for_s), reason: answer.reason };
  await ctx.act(() => post("/api/pause", what), (told) => `Paused${target ? `: ${target}` : ""}. ${count(told.attempts_running, "attempt")} still running.`);
}

export const resume = (ctx, target = "") =>
  ctx.act(() => post("/api/resume", { target }), `Recoveries${target ? ` of ${target}` : ""} go on.`);

export const pauseButton = (ctx, target, isPaused) =>
  !ctx.isOperator ? null : isPaused
    ? button("Resume", () => resume(ctx, target), { class: "main" })
    : button(target ? "Pause" : "Pause all …", () => pause(ctx, target));
