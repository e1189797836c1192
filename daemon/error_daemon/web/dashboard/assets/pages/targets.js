// What can be recovered, what it depends on, and how it is.

import { pauseButton } from "../lib/acts.js";
import { get } from "../lib/api.js";
import { empty, errorPlace, note, section, shape, table, time, toned } from "../lib/parts.js";
import { layered } from "../lib/layers.js";
import { h } from "../lib/render.js";
import { count, many, number, percent, share } from "../lib/words.js";

const HEALTH = {
  failing: ["bad", "failing"],
  recovering: ["busy", "recovering"],
  reported: ["waits", "reported"],
  recovered: ["good", "recovered"],
  well: ["good", "well"],
  unknown: ["unknown", "not known"],
};
const RANK = ["failing", "recovering", "reported", "unknown", "recovered", "well"];
const READINGS = { ok: "good", not_ok: "bad", unknown: "unknown" };
const MOST_DRAWN = 120;
const [WIDTH, HEIGHT, BEND, ACROSS, DOWN, EDGE] = [180, 46, 12, 20, 44, 6];

export default {
  title: "Targets",
  every_s: 5,
  load: ({ signal }) => get("/api/targets", {}, signal),
  view(found, ctx) {
    const ill = found.targets.filter((one) => RANK.indexOf(one.health) < 3);
    return h("div", { class: "page" },
      h("div", { class: "head" }, h("h1", { tabindex: "-1" }, "Targets"),
        h("p", { class: "quiet" }, `${many(ill.length)} of ${count(found.targets.length, "target")} not well`)),
      found.stale.map((one) => note(`Not up to date: ${one.why}`)),
      found.targets.length ? [graph(found.targets), list(found.targets, ctx)] : empty("No target is defined."));
  },
};

const healthOf = (one) => HEALTH[one.health] || HEALTH.unknown;

// --- drawn

function graph(targets) {
  const drawn = targets.length > MOST_DRAWN ? concerned(targets) : targets;
  if (!drawn.some((one) => one.depends_on.length)) return null;
  const byName = new Map(drawn.map((one) => [one.name, one]));
  const { layers, ways } = layered(drawn);
  const widthOf = (name) => (byName.has(name) ? WIDTH : BEND);
  const width = Math.max(...layers.map((layer) => layer.reduce((sum, name) => sum + widthOf(name) + ACROSS, -ACROSS)));
  const place = new Map();
  layers.forEach((layer, y) => {
    let x = (width - layer.reduce((sum, name) => sum + widthOf(name) + ACROSS, -ACROSS)) / 2;
    for (const name of layer) {
      place.set(name, [x + widthOf(name) / 2, y * (HEIGHT + DOWN)]);
      x += widthOf(name) + ACROSS;
    }
  });
  const height = layers.length * (HEIGHT + DOWN) - DOWN;
  return h("div", { class: "graph", tabindex: "0", role: "region", "aria-label": "What depends on what; the list below says the same" },
    h("svg", { width: width + 2 * EDGE, height: height + 2 * EDGE, viewBox: `${-EDGE} ${-EDGE} ${width + 2 * EDGE} ${height + 2 * EDGE}` },
      ways.map((way) => drawnWay(way, place, byName)),
      drawn.map((one) => node(one, place.get(one.name)))),
    drawn.length < targets.length ? note("Only what is not well, and what it touches, is drawn.") : null);
}

// Those that are not well, what they depend on and what depends on them.
function concerned(targets) {
  const ill = targets.filter((one) => RANK.indexOf(one.health) < 3);
  const names = new Set(ill.flatMap((one) => [one.name, ...one.depends_on, ...one.dependents]));
  return targets.filter((one) => names.has(one.name)).slice(0, MOST_DRAWN);
}

// From a target down to what it depends on, through the gaps that the layers between leave.
function drawnWay(way, place, byName) {
  const last = way.length - 1;
  const parts = way.slice(1).map((name, index) => {
    const [x1, y1] = place.get(way[index]);
    const [x2, y2] = place.get(name);
    const through = index + 1 < last ? `V${y2 + HEIGHT}` : "";
    return `${index ? "" : `M${x1} ${y1 + HEIGHT}`}C${x1} ${y1 + HEIGHT + DOWN / 2} ${x2} ${y2 - DOWN / 2} ${x2} ${y2}${through}`;
  });
  const isBad = healthOf(byName.get(way[last]))[0] === "bad";
  return h("path", { key: `${way[0]}→${way[last]}`, class: `edge ${isBad ? "bad" : ""}`, d: parts.join("") });
}

function node(one, [middle, y]) {
  const [tone, words] = healthOf(one);
  return h("a", { key: one.name, href: placeOf(one) },
    h("g", { class: `node ${tone}`, transform: `translate(${middle - WIDTH / 2} ${y})` },
      h("title", null, one.health_text),
      h("rect", { width: WIDTH, height: HEIGHT, rx: 7 }),
      h("svg", { x: 10, y: 14, width: 18, height: 18, viewBox: "0 0 16 16" }, shape(tone)),
      h("text", { x: 38, y: 20 }, cut(one.name, 19)),
      h("text", { x: 38, y: 36, class: "state" }, one.open_errors ? `${words}, ${count(one.open_errors, "error")}` : words)));
}

const placeOf = (one) => (one.root_error_id ? `#/${errorPlace(one.root_error_id)}` : `#/errors?target=${encodeURIComponent(one.name)}`);
const cut = (text, most) => (text.length > most ? `${text.slice(0, most - 1)}…` : text);

// --- listed

function list(targets, ctx) {
  const sorted = [...targets].sort((one, other) => RANK.indexOf(one.health) - RANK.indexOf(other.health));
  return section("All targets", { aside: "the worst first" }, table("All targets", [
    { name: "Target", extra: "name", cell: (one) => h("div", null, h("a", { href: placeOf(one), "data-row": true }, one.name), h("br"), h("span", { class: "quiet" }, one.kind)) },
    { name: "Health", cell: (one) => h("div", null, toned(...healthOf(one)), one.health === "well" && one.readings.length ? null : h("div", { class: "quiet" }, one.health_text),
      one.readings.length ? h("ul", { class: "readings" }, one.readings.map((reading) =>
        h("li", { key: reading.probe, title: reading.detail }, toned(READINGS[reading.value] || "unknown", reading.probe), " ", time(reading.at)))) : null) },
    { name: "Held", cell: (one) => held(one) },
    { name: "Depends on", cell: (one) => one.depends_on.join(", ") || h("span", { class: "quiet" }, "nothing") },
    { name: "Last 24 h", cell: (one) => day(one) },
    { name: "Pause", isUntitled: true, cell: (one) => h("div", { class: "buttons" }, pauseButton(ctx, one.name, Boolean(one.pause))) },
  ], sorted, (one) => one.name));
}

function held(one) {
  const brakes = [one.pause, one.breaker, ...one.bulkheads].filter((brake) => brake && brake.state !== "closed");
  if (one.is_isolated) brakes.unshift({ brake: "isolated", state: "from the others" });
  return brakes.length
    ? h("ul", null, brakes.map((brake) => h("li", { key: brake.brake + brake.subject, title: brake.reason }, toned("waits", `${brake.brake}: ${brake.state}`))))
    : h("span", { class: "quiet" }, one.waiting ? `${many(one.waiting)} ${one.waiting === 1 ? "waits" : "wait"}` : "–");
}

function day(one) {
  const attempts = number(one.day?.attempts);
  return h("div", null,
    h("div", null, attempts ? `${count(attempts, "attempt")}, ${percent(one.day.ratio)} helped` : h("span", { class: "quiet" }, "no attempt")),
    one.availability_ratio === undefined ? null : h("div", { class: "quiet" }, `up ${share(one.availability_ratio)}`));
}
