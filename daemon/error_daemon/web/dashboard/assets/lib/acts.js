// What a person may do, in one place: what is asked before, what is sent, what is said afterwards. Only operators see these buttons.

import { get, post } from "./api.js";
import { ask } from "./dialog.js";
import { noteAnswer } from "./keys.js";
import { button } from "./parts.js";
import { count, many, until } from "./words.js";

const of = (id, verb) => `/api/errors/${encodeURIComponent(id)}/${verb}`;
const named = (error) => error.target || error.component || "the error";

// asked: an approval, or what is known of one: {error_id, decision_id, target, strategy_id, does}. A yes or no names the proposal that was on
// the page, so nobody says it to another one; and it is said to a question that tells what will be done, so no key that slips says it.
export function answerButtons(ctx, asked) {
  const what = asked.strategy_id || "it";
  const yes = {
    title: `Approve ${what} on ${named(asked)}?`,
    text: [asked.does || asked.action || "", asked.covers ? `A yes covers: ${asked.covers}` : ""].filter(Boolean),
    yes: "Approve",
  };
  const no = { title: `Deny ${what} on ${named(asked)}?`, text: `It is not done${asked.does ? `: ${asked.does}` : ""}.`, yes: "Deny", tone: "danger" };
  const answer = (question, verb, said) => async () => {
    const given = await ask({ ...question, fields: [{ name: "note", label: "Note (for the record; may stay empty)" }] });
    if (!given) return;
    await ctx.act(() => post(of(asked.error_id, verb), { ...(asked.decision_id && { decision_id: asked.decision_id }), note: given.note }), said);
    noteAnswer();
  };
  return ctx.isOperator
    ? [
        button("Approve …", answer(yes, "approve", `Approved: ${what} on ${named(asked)} may run.`), { class: "main", "data-key": "a" }),
        button("Deny …", answer(no, "deny", `Denied: nothing is done to ${named(asked)}.`), { "data-key": "d" }),
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

// --- pauses

export const isOfEverything = (brake) => brake.brake === "pause" && !brake.subject;

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

export const resume = (ctx, target = "") => ctx.act(() => post("/api/resume", { target }), (told) => resumed(told, target));

// A pause of everything holds a target whose own pause has ended.
function resumed(told, target) {
  const what = target || "everything";
  const isHeld = target && told.pauses.some(isOfEverything);
  if (isHeld) return ["waits", `${told.was_paused ? `The pause of ${what} has ended` : `${what} had no pause of its own`}; everything is paused still.`];
  if (!told.was_paused) return ["waits", `There was no pause of ${what}: it may have ended by itself.`];
  const left = target ? 0 : told.pauses.length;
  return `Recoveries${target ? ` of ${target}` : ""} go on${left ? `; ${count(left, "target is", "targets are")} paused still` : ""}.`;
}

// `held`: the pause of everything.
export async function resumeAll(ctx, held) {
  const answer = await ask({
    title: "Resume all recoveries?",
    text: [`All are paused${held.until ? ` until ${until(held.until)}` : " until somebody resumes"}. ${held.reason}`,
      held.waiting ? `${many(held.waiting)} that ${held.waiting === 1 ? "waits goes" : "wait go"} on at once.` : "Nothing waits for it at the moment."],
    yes: "Resume all",
  });
  if (answer) await resume(ctx);
}

// Of everything, as it is now: what the page knows may be old, or of something else.
export async function switchPause(ctx) {
  let brakes;
  try {
    ({ brakes } = await get("/api/brakes"));
  } catch (error) {
    return ctx.say("bad", error.message);
  }
  const held = brakes.find(isOfEverything);
  await (held ? resumeAll(ctx, held) : pause(ctx));
}

export const pauseButton = (ctx, target, isPaused) =>
  !ctx.isOperator ? null : isPaused
    ? button("Resume", () => resume(ctx, target), { class: "main" })
    : button(target ? "Pause" : "Pause all …", () => pause(ctx, target));
