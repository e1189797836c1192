// The host itself: what its sensors see, each beside the thresholds from which on it is a fault.

import { get } from "../lib/api.js";
import { empty, section, shape, toned } from "../lib/parts.js";
import { small } from "../lib/plots.js";
import { h } from "../lib/render.js";
import { clock, count, number, quantity } from "../lib/words.js";

const RANGES = [["60", "1 minute"], ["300", "5 minutes"], ["900", "15 minutes"]];
const STANDINGS = { bad: ["bad", 0], notice: ["waits", 1], unavailable: ["unknown", 2], good: ["good", 3] };

export default {
  title: "Host",
  every_s: 3,
  load: ({ local, signal }) => get("/api/host", { last_s: Number(local.range || 300), points: 120 }, signal),
  view(found, ctx) {
    const choose = (event) => {
      ctx.local.range = event.target.value;
      ctx.refresh();
    };
    const over = found.figures.filter((one) => one.thresholds.some((limit) => limit.is_in));
    const blind = found.sensors.filter((one) => one.standing === "unavailable");
    return h("div", { class: "page" },
      h("div", { class: "head" }, h("h1", { tabindex: "-1" }, "Host"),
        h("p", null, over.length ? toned("bad", `${count(over.length, "figure")} over its threshold`) : toned("good", "no figure is over its threshold"))),
      h("form", { class: "filters" }, h("label", null, "The last",
        h("select", { on: { change: choose }, is: { value: ctx.local.range || "300" } }, RANGES.map(([value, words]) => h("option", { value }, words))))),
      found.figures.length ? h("div", { class: "grid-of" }, [...over, ...found.figures.filter((one) => !over.includes(one))].map(tile)) : empty("No figure is sampled here."),
      section("Sensors", { aside: blind.length ? `${count(blind.length, "cannot see here", "cannot see here")}` : null },
        h("ul", { class: "rows" }, [...found.sensors].sort((one, other) => rank(one) - rank(other)).map(sensor))));
  },
};

const rank = (one) => (STANDINGS[one.standing] || STANDINGS.unavailable)[1];

function tile(one) {
  const isOver = one.thresholds.some((limit) => limit.is_in);
  const name = one.name.replace(/_(s|ratio|bytes|per_s|celsius)$/, "").replace(/_/g, " ");
  const limits = one.thresholds.map((limit) => `${limit.what} ${limit.is_below ? "below" : "from"} ${quantity(limit.enter, one.unit)}`);
  const value = quantity(one.value, one.unit);
  return h("article", { key: one.name, class: `tile ${isOver ? "bad" : ""}`, "data-row": true, tabindex: "-1" },
    h("h2", null, isOver ? shape("bad") : null, " ", name),
    h("div", { class: "value" }, h("b", null, value), h("span", { class: "quiet" }, one.sensor || "told to it")),
    one.values.length > 1 ? [
      small(one.at, one.values, one.thresholds, `${name}: now ${value}`),
      h("div", { class: "ends" }, h("span", null, clock(one.at[0])), h("span", null, `most ${quantity(Math.max(...one.values.map(number)), one.unit)}`), h("span", null, clock(one.at[one.at.length - 1]))),
    ] : null,
    limits.length ? h("p", { class: "quiet" }, h("small", null, `A fault: ${limits.join(", ")}`)) : null);
}

function sensor(one) {
  const [tone] = STANDINGS[one.standing] || STANDINGS.unavailable;
  return h("li", { key: one.name, class: "row slim" }, toned(tone, one.name), h("p", null, one.says), h("span", { class: "quiet" }, one.standing === "good" ? "" : one.mend));
}
