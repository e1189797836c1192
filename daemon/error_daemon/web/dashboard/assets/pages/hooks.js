// Who is told of what happens, whether that works, and what did not arrive.

import { get, post } from "../lib/api.js";
import { button, empty, errorPlace, link, note, section, table, time, toned } from "../lib/parts.js";
import { h } from "../lib/render.js";
import { count, duration, many, number } from "../lib/words.js";

const STATES = { ready: ["good", "works"], failing: ["bad", "failing"], held: ["waits", "asked to wait"], disabled: ["bad", "switched off"] };
const ENDS = { sent: ["good", "arrived"], waiting: ["waits", "waits"], dead: ["bad", "given up"] };
const SHOWN = 50;
const TEST_MS = 310000; // who is told may take its time, which the hook's definition bounds

export default {
  title: "Hooks",
  every_s: 5,
  async load({ signal }) {
    const [told, sent] = await Promise.all([get("/api/hooks", {}, signal), get("/api/deliveries", { limit: SHOWN }, signal)]);
    return { ...told, ...sent };
  },
  view({ hooks, problem, deliveries, total }, ctx) {
    return h("div", { class: "page" },
      h("div", { class: "head" }, h("h1", { tabindex: "-1" }, "Hooks"), h("p", { class: "quiet" }, "Who is told of what happens")),
      problem ? note(`What waits would not survive a restart: ${problem}`) : null,
      hooks.length ? table("Hooks", [
        { name: "Hook", cell: (one) => h("div", null, h("b", null, one.hook_id), h("br"), h("span", { class: "quiet" }, `${one.kind} · ${one.to}`)) },
        { name: "State", cell: (one) => h("div", null, toned(...(STATES[one.state] || ["unknown", one.state])), one.detail ? h("div", { class: "quiet" }, one.detail) : null, one.until ? h("div", { class: "quiet" }, "next try ", time(one.until)) : null) },
        { name: "Told of", cell: (one) => one.events.join(", ") || "everything" },
        { name: "Arrived", extra: "right", cell: (one) => h("div", null, many(one.sent), one.last_sent_at ? h("div", { class: "quiet" }, time(one.last_sent_at)) : null) },
        { name: "Waiting", extra: "right", cell: (one) => many(one.waiting) },
        { name: "Given up", extra: "right", cell: (one) => (one.dead ? toned("bad", many(one.dead)) : "0") },
        { name: "Try it", isUntitled: true, cell: (one) => (ctx.isOperator ? buttons(one, ctx) : null) },
      ], hooks, (one) => one.hook_id) : empty("No hook is defined: nobody outside is told."),
      deliveries.length ? section("Deliveries", { aside: total > deliveries.length ? `the newest ${deliveries.length} of ${many(total)}` : null }, table("Deliveries", [
        { name: "What", extra: "wide", cell: (one) => h("div", null, one.error_id ? link(errorPlace(one.error_id), one.text || one.event_type) : one.text || one.event_type, h("br"), h("span", { class: "quiet" }, one.event_type, one.events > 1 ? `, ${count(one.events, "event")}` : "")) },
        { name: "To", cell: (one) => one.hook_id },
        { name: "State", cell: (one) => h("div", null, toned(...(ENDS[one.state] || ["unknown", one.state])), one.state === "sent" ? null : h("div", { class: "quiet" }, one.detail)) },
        { name: "Tries", extra: "right", cell: (one) => many(one.attempts) },
        { name: "When", extra: "right", cell: (one) => time(one.at) },
      ], deliveries, (one) => one.hook_id + one.delivery_id)) : null);
  },
};

function buttons(one, ctx) {
  const test = () => post(`/api/hooks/${encodeURIComponent(one.hook_id)}/test`, {}, TEST_MS);
  const again = () => post("/api/deliveries/redeliver", { hook_id: one.hook_id });
  return h("div", { class: "buttons" },
    button("Test", () => ctx.act(test, (told) => (told.arrived ? `It arrived at ${one.hook_id} in ${duration(told.took_s)}.` : ["bad", `It did not arrive at ${one.hook_id}: ${told.detail}`]))),
    number(one.dead) ? button("Send again", () => ctx.act(again, (told) => `${count(told.deliveries, "delivery", "deliveries")} of ${one.hook_id} are due now.`)) : null);
}
