// What pages are put together from: shapes with their words, times, facts, lists, empty places.
//
// Nothing is told by colour alone: each tone has a shape, and words stand beside it.

import { h } from "./render.js";
import { ago, instant, severity } from "./words.js";

const SHAPES = {
  good: ["M8 1.2a6.8 6.8 0 1 0 0 13.6A6.8 6.8 0 0 0 8 1.2z", "M4.8 8.2l2.2 2.3 4.2-4.8"],
  bad: ["M5.2 1h5.6L15 5.2v5.6L10.8 15H5.2L1 10.8V5.2z", "M5.6 5.6l4.8 4.8M10.4 5.6l-4.8 4.8"],
  asks: ["M8 1l7 7-7 7-7-7z", "M8 4.6v4M8 10.6v.9"],
  waits: ["M8 1.2a6.8 6.8 0 1 0 0 13.6A6.8 6.8 0 0 0 8 1.2z", "M8 4.4V8l2.6 1.8"],
  busy: ["M8 1.2a6.8 6.8 0 1 0 0 13.6A6.8 6.8 0 0 0 8 1.2z", "M6.4 5l4.4 3-4.4 3z"],
  still: ["M8 1.2a6.8 6.8 0 1 0 0 13.6A6.8 6.8 0 0 0 8 1.2z", "M5 8h6"],
  unknown: ["M8 1.2a6.8 6.8 0 1 0 0 13.6A6.8 6.8 0 0 0 8 1.2z", "M6.2 6.2c.2-2.2 3.8-2.1 3.6 0-.1 1.2-1.8 1.3-1.8 2.7M8 11.2v.5"],
  critical: ["M5.2 1h5.6L15 5.2v5.6L10.8 15H5.2L1 10.8V5.2z", "M8 4v5M8 11.2v.6"],
  high: ["M8 1.4l7 12.6H1z", "M8 5.8v3.8M8 11.4v.6"],
  medium: ["M8 1l7 7-7 7-7-7z", "M5.4 8h5.2"],
  low: ["M2 2h12v12H2z", "M8 5v5.4M5.6 8.4L8 10.8l2.4-2.4"],
  info: ["M8 1.2a6.8 6.8 0 1 0 0 13.6A6.8 6.8 0 0 0 8 1.2z", "M8 7.4v4M8 4.6v.6"],
};

export function shape(name, extra = "") {
  const [outline, inner] = SHAPES[name] || SHAPES.unknown;
  return h("svg", { class: `shape ${name} ${extra}`, viewBox: "0 0 16 16", "aria-hidden": "true" },
    h("path", { class: "outline", d: outline }), h("path", { class: "inner", d: inner }));
}

export const toned = (tone, words) => h("span", { class: `toned ${tone}` }, shape(tone), h("span", null, words));

export function severityMark(value) {
  const word = severity(value) || "medium";
  return h("span", { class: `toned severity ${word}`, title: `severity: ${word}` }, shape(word), h("span", null, word));
}

export function time(at, words = ago) {
  return Number(at) ? h("time", { datetime: new Date(at * 1000).toISOString(), title: instant(at) }, words(at)) : h("span", { class: "quiet" }, "never");
}

export const link = (to, ...words) => h("a", { href: `#/${to}` }, ...words);
export const errorPlace = (id) => `errors/${encodeURIComponent(id)}`;

export function section(title, props, ...children) {
  const id = `of-${title.toLowerCase().replace(/[^a-z]+/g, "-")}`;
  const { aside, ...rest } = props || {};
  return h("section", { key: title, ...rest, "aria-labelledby": id },
    h("div", { class: "head" }, h("h2", { id }, title), aside ? h("div", { class: "aside" }, aside) : null), ...children);
}

// [[name, value], ...]; those without a value are left out.
export function facts(pairs, extra = "") {
  const known = pairs.filter(([, value]) => value !== null && value !== undefined && value !== "" && value !== false);
  return h("dl", { class: `facts ${extra}` }, known.map(([name, value]) => h("div", { key: name }, h("dt", null, name), h("dd", null, value))));
}

export const empty = (...words) => h("p", { class: "empty" }, ...words);
export const note = (...words) => h("p", { class: "quiet" }, ...words);

export function button(words, act, props = {}) {
  const { class: extra = "", ...rest } = props;
  return h("button", { type: "button", class: `button ${extra}`, on: { click: act }, ...rest }, words);
}

// columns: [{name, cell: row → content, extra: class}]; on a phone each row is a card, its cells named.
export function table(caption, columns, rows, keyOf) {
  return h("div", { class: "scrolls", tabindex: "0", role: "group", "aria-label": caption },
    h("table", null, h("caption", { class: "unseen" }, caption),
      h("thead", null, h("tr", null, columns.map((column) => h("th", { scope: "col", class: column.extra || "" }, column.head ? [h("span", { class: "unseen" }, column.name), column.head] : column.isUntitled ? h("span", { class: "unseen" }, column.name) : column.name)))),
      h("tbody", null, rows.map((row) => h("tr", { key: keyOf(row) },
        columns.map((column) => h("td", { class: column.extra || "", "data-name": column.isUntitled ? "" : column.name }, column.cell(row))))))));
}
