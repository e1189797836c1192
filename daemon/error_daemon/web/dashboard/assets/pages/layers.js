// How quick and how sure recovery is, beside what it should be: the times of each layer, then the other goals.

import { get } from "../lib/api.js";
import { empty, section, table, toned } from "../lib/parts.js";
import { bullet } from "../lib/plots.js";
import { h } from "../lib/render.js";
import { count, duration, instant, many, quantity } from "../lib/words.js";

const NAMES = {
  mean_time_to_detect_s: "Time until it is noticed, mean",
  mean_time_to_recover_s: "Time until it is recovered, mean",
  success_ratio: "Recovered without a person",
  false_positive_ratio: "False alarms",
  availability_ratio: "Availability",
  unplanned_downtime_s: "Down without a plan",
  in_time_ratio: "Recovered in time",
  kept_ratio: "Answered in time",
};

export default {
  title: "Goals",
  every_s: 15,
  load: ({ signal }) => get("/api/recovery/layers", {}, signal),
  view(found) {
    const goals = found.goals.filter((one) => one.scope !== "layer");
    return h("div", { class: "page" },
      h("div", { class: "head" }, h("h1", { tabindex: "-1" }, "Goals"), h("p", { class: "quiet" }, `${instant(found.since)} to ${instant(found.until)}`)),
      section("Times by layer", { aside: "95 of 100 are below the bar, half are below the dot; left of the mark is good, each line is ten times more" },
        table("Times by layer", [
          { name: "Layer", cell: (one) => h("div", null, h("b", null, one.layer), h("br"), h("span", { class: "quiet" }, one.error_types.join(", "))) },
          { name: "Noticed", extra: "wide", cell: (one) => times(one.detect) },
          { name: "Recovered", extra: "wide", cell: (one) => times(one.recover) },
        ], found.layers, (one) => one.layer)),
      section("All goals", { aside: "what is missed first" }, goals.length ? table("All goals", [
        { name: "Goal", cell: (one) => nameOf(one) },
        { name: "Is", extra: "right", cell: (one) => h("b", null, quantity(one.value, one.unit)) },
        { name: "Wanted", extra: "right", cell: (one) => `${{ above: "above ", below: "below ", at_least: "at least " }[one.goal_kind] || ""}${quantity(one.goal, one.unit)}` },
        { name: "Beside the goal", extra: "wide", cell: (one) => plotOf(one) },
        { name: "Verdict", extra: "tight", cell: (one) => met(one.is_met) },
        { name: "Made from", extra: "right", cell: (one) => many(one.samples) },
      ], [...goals].sort((one, other) => rank(one) - rank(other)), (one) => `${one.name} ${one.scope} ${one.subject} ${one.within_s}`) : empty("Nothing has happened in this time.")));
  },
};

const rank = (one) => (one.is_met === false ? 0 : one.is_met ? 1 : 2);
const met = (isMet) => (isMet === undefined ? toned("unknown", "not known") : isMet ? toned("good", "met") : toned("bad", "missed"));

function times(one) {
  if (!one) return null;
  return h("div", null,
    h("div", { class: "value" }, one.p95_s === undefined ? h("span", { class: "quiet" }, `goal: below ${duration(one.within_s)}; nothing was measured`)
      : [h("b", null, duration(one.p95_s)), " ", met(one.is_met), h("span", { class: "quiet" }, ` goal: below ${duration(one.within_s)} · ${count(one.samples, "sample")}`)]),
    bullet(one.p95_s, one.within_s, { isMet: one.is_met, median: one.median_s }));
}

function nameOf(one) {
  const within = one.within_s ? ` within ${duration(one.within_s)}` : "";
  const of = one.subject ? ` · ${one.subject}` : "";
  return `${NAMES[one.name] || one.name.replace(/_(s|ratio)$/, "").replace(/_/g, " ")}${within}${of}`;
}

function plotOf(one) {
  if (one.value === undefined) return null;
  return bullet(one.value, one.goal, { unit: one.unit, isMet: one.is_met, wantsMore: one.goal_kind !== "below" });
}
