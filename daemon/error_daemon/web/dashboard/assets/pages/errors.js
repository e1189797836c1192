// All errors that are known, filtered; what is typed is looked for in what the daemon gave.

import { get } from "../lib/api.js";
import { empty, errorPlace, severityMark, table, time, toned } from "../lib/parts.js";
import { h } from "../lib/render.js";
import { count, many, stateTone, stateWords, type } from "../lib/words.js";

const LIMIT = 200;
const CHOICES = {
  status: [["", "any state"], ["open", "open"], ["retrying", "being recovered"], ["failed", "needs a person"], ["resolved", "recovered"]],
  min_severity: [["", "any severity"], ["critical", "critical"], ["high", "high or worse"], ["medium", "medium or worse"]],
};

export default {
  title: "Errors",
  every_s: 5,
  load: ({ query, signal }) => get("/api/errors", { limit: LIMIT, ...known(query) }, signal),
  view(found, ctx) {
    const text = (ctx.local.text || "").toLowerCase();
    const shown = text ? found.errors.filter((error) => said(error).includes(text)) : found.errors;
    return h("div", { class: "page" },
      h("div", { class: "head" }, h("h1", { tabindex: "-1" }, "Errors"),
        h("p", { class: "quiet" }, `${many(shown.length)} shown of ${count(found.total, "error")}, the newest fault first`)),
      filters(ctx),
      shown.length ? list(shown) : empty(found.total ? "None of these has that in it." : "No error like that is known."));
  },
};

const FIELDS = ["status", "min_severity", "type", "component", "target", "state", "held_by"];
const known = (query) => Object.fromEntries(Object.entries(query).filter(([name]) => FIELDS.includes(name)));
const said = (error) => [error.error_id, error.message, error.component, error.target, error.rule, type(error.type), stateWords(error)].join(" ").toLowerCase();

// The address of this page with these filters, those that are empty left out.
function placeOf(query) {
  const text = new URLSearchParams(Object.entries(query).filter(([, value]) => value)).toString();
  return `#/errors${text ? `?${text}` : ""}`;
}

function filters(ctx) {
  const choose = (name) => (event) => {
    location.hash = placeOf({ ...ctx.query, [name]: event.target.value });
  };
  const write = (event) => {
    ctx.local.text = event.target.value;
    ctx.redraw();
  };
  const set = FIELDS.filter((name) => ctx.query[name] && !CHOICES[name]);
  return h("form", { class: "filters", role: "search", on: { submit: (event) => event.preventDefault() } },
    h("label", null, "Look for", h("input", { type: "search", "data-filter": true, on: { input: write }, is: { value: ctx.local.text || "" } })),
    Object.entries(CHOICES).map(([name, choices]) =>
      h("label", { key: name }, name === "status" ? "State" : "Severity",
        h("select", { on: { change: choose(name) }, is: { value: ctx.query[name] || "" } }, choices.map(([value, words]) => h("option", { value }, words))))),
    set.map((name) => h("a", { key: name, class: "button", href: placeOf({ ...ctx.query, [name]: "" }) }, `${name.replace("_", " ")}: ${ctx.query[name]} ✕`)));
}

function list(errors) {
  return table("Errors", [
    { name: "Severity", cell: (error) => severityMark(error.severity) },
    { name: "What", extra: "wide", cell: (error) => h("div", null,
      h("a", { href: `#/${errorPlace(error.error_id)}`, "data-row": true }, error.target || error.component || type(error.type) || "error"),
      h("p", { class: "message" }, error.message || "no message")) },
    { name: "State", cell: (error) => toned(stateTone(error), stateWords(error)) },
    { name: "Faults", extra: "right", cell: (error) => many(error.count) },
    { name: "Last", extra: "right", cell: (error) => time(error.last_at) },
  ], errors, (error) => error.error_id);
}
