// What people and the daemon did: who, what, to what, why, how it was before and after; chained, so that a change of it is noticed.

import { get, post } from "../lib/api.js";
import { button, empty, note, table, toned } from "../lib/parts.js";
import { h } from "../lib/render.js";
import { count, instant, many } from "../lib/words.js";

const SHOWN = 50;
const VERIFY_MS = 300000; // it reads all of its files

export default {
  title: "Audit",
  every_s: 10,
  async load({ local, signal }) {
    const wanted = { people: local.all ? "" : "true", actor: local.actor || "", subject: local.subject || "", limit: SHOWN, page_token: local.page || "" };
    const [listed, head] = await Promise.all([get("/api/audit", wanted, signal), get("/api/audit/head", {}, signal)]);
    return { ...listed, head };
  },
  view({ entries, next_page_token: next, head }, ctx) {
    const change = (name, of) => (event) => {
      ctx.local[name] = of(event.target);
      ctx.local.page = "";
      ctx.refresh();
    };
    const turn = (page) => () => {
      ctx.local.page = page;
      ctx.refresh();
    };
    return h("div", { class: "page" },
      h("div", { class: "head" }, h("h1", { tabindex: "-1" }, "Audit"),
        h("div", { class: "buttons" }, head.problem ? toned("bad", head.problem) : h("p", { class: "quiet" }, `${count(head.head?.sequence, "act")} in the chain`),
          ctx.isOperator || ctx.isAuditor ? button("Verify", () => verify(ctx)) : null)),
      h("form", { class: "filters", role: "search", on: { submit: (event) => event.preventDefault() } },
        h("label", null, "Who", h("input", { type: "search", "data-filter": true, on: { change: change("actor", (one) => one.value) } })),
        h("label", null, "To what", h("input", { type: "search", on: { change: change("subject", (one) => one.value) } })),
        h("label", { class: "choice" }, h("input", { type: "checkbox", on: { change: change("all", (one) => one.checked) }, is: { checked: Boolean(ctx.local.all) } }), h("span", null, "What the daemon did, too"))),
      head.uncopied && head.uncopied !== "0" ? note(`The newest ${many(head.uncopied)} are not listed yet.`) : null,
      entries.length ? table("Acts", [
        { name: "When", extra: "tight", cell: (one) => h("time", { datetime: new Date(one.at * 1000).toISOString() }, instant(one.at)) },
        { name: "Who", cell: (one) => h("b", null, one.actor) },
        { name: "What", cell: (one) => `${one.action} ${one.subject}` },
        { name: "Why", extra: "wide", cell: (one) => h("div", null, one.why, more(one)) },
      ], entries, (one) => one.hash || `${one.at}${one.action}${one.subject}`) : empty("Nothing like that was done."),
      h("div", { class: "buttons" }, ctx.local.page ? button("Newest", turn("")) : null, next ? button("Older", turn(next)) : null));
  },
};

function more(one) {
  const parts = [["before", one.before_json], ["after", one.after_json], ["detail", one.detail_json]].filter(([, text]) => text);
  return parts.length ? h("details", null, h("summary", null, "Before and after"), parts.map(([name, text]) => h("p", { key: name }, `${name}: `, h("code", null, text)))) : null;
}

const verify = (ctx) =>
  ctx.act(() => post("/api/audit/verify", {}, VERIFY_MS), (told) => (told.ok ? `All ${count(told.entries, "act")} are as they were written.` : ["bad", `The chain is broken: ${told.broken?.says || ""}`]));
