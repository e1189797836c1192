// Plots for whom would rather look than read: SVG without measures of its own (percent and non-scaling strokes), so that it fits any width
// and needs no script when the window changes. Each says in words what it shows, for who can't see it.

import { h } from "./render.js";
import { percent, quantity } from "./words.js";

const at = (ratio) => `${(100 * Math.min(1, Math.max(0, ratio))).toFixed(2)}%`;
const svg = (extra, label, ...children) => h("svg", { class: `plot ${extra}`, role: "img", "aria-label": label }, ...children);

// A rate with its interval: dot and whisker, from 0 to 100 %.
export function whisker(low, mean, high, draw = null) {
  return svg("whisker", `${percent(mean)}, between ${percent(low)} and ${percent(high)}`,
    [0, 0.25, 0.5, 0.75, 1].map((x) => h("line", { class: "grid", x1: at(x), x2: at(x), y1: "2", y2: "22" })),
    h("line", { class: "reach", x1: at(low), x2: at(high), y1: "12", y2: "12" }),
    [low, high].map((x) => h("line", { class: "reach", x1: at(x), x2: at(x), y1: "8", y2: "16" })),
    draw === null ? null : h("line", { class: "draw", x1: at(draw), x2: at(draw), y1: "4", y2: "20" }),
    h("circle", { class: "dot", cx: at(mean), cy: "12", r: "4.5" }));
}

export const whiskerScale = () =>
  h("div", { class: "scale", "aria-hidden": "true" }, ["0 %", "25 %", "50 %", "75 %", "100 %"].map((word) => h("span", null, word)));

// A figure beside its goal, on a logarithmic axis: from a thousandth of the goal to ten times of it. Left of the mark is good; so of a share that
// should be high, what is missing of it is drawn.
const DECADES = 4;
const GOAL = 3 / DECADES;

export function bullet(value, goal, { unit = "s", isMet = null, wantsMore = false, median = null } = {}) {
  const less = (one) => (wantsMore ? 1 - one : one);
  const place = (one) => (less(one) > 0 ? GOAL + Math.log10(less(one) / less(goal)) / DECADES : 0);
  const known = value !== undefined && value !== null;
  const label = `${known ? quantity(value, unit) : "not known"}; the goal is ${wantsMore ? "above" : "below"} ${quantity(goal, unit)}`;
  return svg(`bullet ${isMet === false ? "bad" : "good"}`, label,
    h("rect", { class: "range", x: "0", y: "4", width: at(GOAL), height: "16" }),
    h("rect", { class: "beyond", x: at(GOAL), y: "4", width: at(1 - GOAL), height: "16" }),
    [0.25, 0.5].map((x) => h("line", { class: "decade", x1: at(x), x2: at(x), y1: "4", y2: "20" })),
    known ? h("rect", { class: "bar", x: "0", y: "9", width: at(Math.max(0.006, place(value))), height: "6" }) : null,
    known && median ? h("circle", { class: "median", cx: at(place(median)), cy: "12", r: "3" }) : null,
    h("line", { class: "goal", x1: at(GOAL), x2: at(GOAL), y1: "1", y2: "23" }));
}

// Counts of the last minutes.
export function bars(values, label, extra = "") {
  const most = Math.max(1, ...values);
  const width = 100 / Math.max(1, values.length);
  return svg(`bars ${extra}`, label, values.map((value, index) =>
    column(index * width, width * 0.8, value ? Math.max(0.08, value / most) : 0.04, value ? "" : "none")));
}

const column = (x, width, height, extra) =>
  h("rect", { class: extra, x: `${x.toFixed(2)}%`, width: `${width.toFixed(2)}%`, y: at(1 - height), height: at(height) });

// Curves are drawn in a square of 100 x 100 that is stretched; lines keep their width.
function stretched(extra, label, ...children) {
  return h("svg", { class: `plot ${extra}`, role: "img", "aria-label": label, viewBox: "0 0 100 100", preserveAspectRatio: "none" }, ...children);
}

const path = (points) => points.map(([x, y], index) => `${index ? "L" : "M"}${x.toFixed(2)} ${y.toFixed(2)}`).join("");

// A mean with its band over time: points of {at, low, mean, high}, from 0 to 1.
export function band(points, since, until, label) {
  const x = (point) => (100 * (point.at - since)) / (until - since || 1);
  const y = (ratio) => 100 - 100 * ratio;
  const upper = points.map((point) => [x(point), y(point.high)]);
  const lower = points.map((point) => [x(point), y(point.low)]).reverse();
  const last = points[points.length - 1];
  return h("div", { class: "framed" },
    h("div", { class: "axis", "aria-hidden": "true" }, ["100 %", "50 %", "0 %"].map((word) => h("span", null, word))),
    stretched("band", label,
      [25, 50, 75].map((line) => h("line", { class: "grid", x1: "0", x2: "100", y1: line, y2: line })),
      points.length > 1 ? h("path", { class: "area", d: path([...upper, ...lower]) + "Z" }) : null,
      points.length > 1 ? h("path", { class: "line", d: path(points.map((point) => [x(point), y(point.mean)])) }) : null,
      points.length > 1 ? null : h("line", { class: "line", x1: x(last), x2: x(last), y1: y(last.high), y2: y(last.low) })));
}

// A figure over time with its thresholds, as one of many small ones of the same size.
export function small(times, values, thresholds, label) {
  const known = values.map(Number);
  const limits = thresholds.map((one) => one.enter);
  const top = Math.max(...known, ...limits.filter((limit) => limit < 20 * Math.max(...known, 1e-9) || limit <= 1), 1e-9) * 1.08;
  const low = Math.min(0, ...known);
  const [first, last] = [times[0], times[times.length - 1]];
  const x = (time) => (100 * (time - first)) / (last - first || 1);
  const y = (value) => 100 - (100 * (value - low)) / (top - low || 1);
  return stretched("small", label,
    limits.filter((limit) => limit <= top).map((limit) => h("line", { class: "goal", x1: "0", x2: "100", y1: y(limit), y2: y(limit) })),
    known.length > 1 ? h("path", { class: "line", d: path(known.map((value, index) => [x(times[index]), y(value)])) }) : null);
}
