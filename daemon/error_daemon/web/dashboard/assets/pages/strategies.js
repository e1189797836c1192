// What works: the expected success of each strategy over time, with how sure that is.

import { get } from "../lib/api.js";
import { empty, note, toned } from "../lib/parts.js";
import { band } from "../lib/plots.js";
import { h } from "../lib/render.js";
import { count, instant, many, now, number, percent } from "../lib/words.js";

const RANGES = [["86400", "24 hours"], ["604800", "7 days"], ["2592000", "30 days"]];
const PATIENCE_MS = 60000; // over 30 days there is much to count
const BY = [["type", "type of error"], ["level", "level"], ["target", "target"]];

export default {
  title: "Strategies",
  every_s: 30,
  load({ local, signal }) {
    const range = Number(local.range || RANGES[1][0]);
    return get("/api/recovery/scores", { since: Math.floor(now() / 60) * 60 - range, by: local.by || "type", points: 48 }, signal, PATIENCE_MS);
  },
  view(found, ctx) {
    const choose = (name) => (event) => {
      ctx.local[name] = event.target.value;
      ctx.refresh();
    };
    return h("div", { class: "page" },
      h("div", { class: "head" }, h("h1", { tabindex: "-1" }, "Strategies"), h("p", { class: "quiet" }, "How often each is expected to help, and how sure that is")),
      h("form", { class: "filters" },
        choice("Over", RANGES, ctx.local.range || RANGES[1][0], choose("range")),
        choice("By", BY, ctx.local.by || "type", choose("by"))),
      found.series.length ? h("div", { class: "grid-of wide" }, found.series.map((one) => tile(one, found))) : empty("Nothing was tried in this time."),
      found.series_more ? note(`and ${many(found.series_more)} more with fewer attempts`) : null,
      found.series.length ? note("Line: the expected rate of success. Band: where it is with 90 % certainty; it narrows with each attempt, and widens as what was learned fades.") : null);
  },
};

const choice = (label, choices, value, choose) =>
  h("label", null, label, h("select", { on: { change: choose }, is: { value } }, choices.map(([one, words]) => h("option", { value: one }, words))));

function tile(one, { since, until }) {
  const points = one.points.map((point) => ({ at: point.at, low: number(point.success_low), mean: number(point.success_mean), high: number(point.success_high) }));
  const last = one.points[one.points.length - 1];
  const of = [one.error_type, one.level ? `level ${one.level}` : "", one.target].filter(Boolean).join(" · ");
  const said = last ? `${percent(last.success_mean)}, between ${percent(last.success_low)} and ${percent(last.success_high)}` : "";
  return h("article", { key: one.strategy_id + of, class: "tile", "data-row": true, tabindex: "-1" },
    h("h2", null, one.strategy_id), h("p", { class: "quiet" }, of),
    last ? [
      h("div", { class: "value" }, h("b", null, percent(last.success_mean)), h("span", { class: "quiet" }, `${percent(last.success_low)} to ${percent(last.success_high)}`)),
      band(points, since, until, `${one.strategy_id}, ${of}: now ${said}`),
      h("div", { class: "ends" }, h("span", null, instant(since).slice(5, 16)), h("span", null, instant(until).slice(5, 16))),
      h("p", null, `${count(one.attempts, "attempt")}, ${many(one.successes)} helped · score ${number(last.score).toFixed(3)}`),
    ] : toned("unknown", "nothing is known"));
}
