// What a person is asked, as they must know it before they answer: why, what a yes covers, what was tried, what happens when nobody answers.

import { facts, severityMark, time } from "./parts.js";
import { h } from "./render.js";
import { ago, duration, until } from "./words.js";

export function approvalFacts(one) {
  const others = one.alternatives.map((other) => `${other.strategy_id} (level ${other.level})${other.says ? `: ${other.says}` : ""}`);
  const tried = one.tried.map((before) => `${before.strategy_id}: ${before.verdict}`);
  const touched = [...one.group, ...one.dependents.map((name) => `${name} depends on it`)];
  return facts([
    ["Why", one.why[0]],
    ["If nobody answers", [one.on_expiry, one.expires_at ? [", at ", h("span", { class: "deadline" }, `${until(one.expires_at)} (${ago(one.expires_at)})`)] : ""]],
    ["A yes covers", one.covers],
    ["It may take", one.timeout_s ? duration(one.timeout_s) : null],
    ["Also touched", touched.join(", ")],
    ["Tried before", tried.join(", ")],
    ["Instead", others.join("; ")],
    ["Asked", [time(one.asked_at), one.times_asked > 1 ? ` (${one.times_asked} times)` : ""]],
    ["Severity", severityMark(one.severity)],
  ]);
}
