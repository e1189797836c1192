// What stands around every page: the navigation, who is signed in, whether what is shown is still so.

import * as keys from "./keys.js";
import { button, shape } from "./parts.js";
import { h } from "./render.js";
import { lasting } from "./store.js";
import { clock, since } from "./words.js";

export function frame(app, acts, content) {
  return [
    h("a", { key: "skip", class: "skip", href: "#main", on: { click: skip } }, "To the page"),
    h("header", { key: "top", class: "top" },
      h("a", { class: "brand", href: "#/" }, brandMark(), h("span", null, "error-recovery")),
      h("nav", { "aria-label": "Pages" }, h("ul", null, app.places.filter((place) => place.key).map((place) => tab(place, app)))),
      h("div", { class: "who" }, liveMark(app), themeButton(acts), person(app, acts),
        button("?", acts.help, { class: "plain", "aria-label": "Help: keys and signs" }))),
    app.away ? h("div", { key: "away", class: "banner bad", role: "alert" }, shape("bad"),
      h("span", null, h("b", null, `No contact with the daemon since ${clock(app.away)}`), ` (${since(app.away)}). What you see is from then. Trying again by itself.`),
      button("Try now", acts.again)) : null,
    app.message ? h("div", { key: "said", class: `banner said ${app.message.tone}`, role: app.message.tone === "bad" ? "alert" : "status" },
      shape(app.message.tone), h("span", null, app.message.text), button("Close", acts.hush, { class: "plain" })) : null,
    h("main", { key: "main", id: "main", tabindex: "-1", class: app.away || app.isOther || (app.data && app.problem) ? "is-stale" : "" }, content),
  ];
}

function skip(event) {
  event.preventDefault(); // the address names a page, not a place on it
  document.getElementById("main").focus();
}

const brandMark = () =>
  h("svg", { viewBox: "0 0 32 32", "aria-hidden": "true" }, h("path", { d: "M4 17h6l4-11 6 20 4-9h4" }));

function tab(place, app) {
  const isHere = app.place?.tab === place.path || app.place?.path === place.path;
  const asks = place.path === "" && app.asked ? h("span", { class: "asked", title: "waits for you" }, String(app.asked)) : null;
  return h("li", { key: place.path }, h("a", { href: `#/${place.path}`, "aria-current": isHere ? "page" : null }, place.title, asks));
}

function liveMark(app) {
  const [tone, words, more] = app.away
    ? ["bad", "no contact", "The daemon cannot be reached."]
    : app.isOpen ? ["good", "live", "Changes come by themselves."] : ["waits", "every few seconds", "The stream of changes is not there; it is asked every few seconds."];
  return h("span", { class: `toned live ${tone}`, title: more }, shape(tone), h("span", null, words));
}

function person(app, acts) {
  if (!app.who) return null;
  const role = app.who.roles.length ? app.who.roles.join(", ") : "no role";
  return h("span", { class: "person", title: `You are ${app.who.name || "anybody on this host"}; role: ${role}` },
    h("b", null, app.who.name || "this host"), h("span", { class: "quiet" }, role),
    app.hasToken ? button("Sign out", acts.signOut, { class: "plain" }) : null);
}

function themeButton(acts) {
  const isDark = currentTheme() === "dark";
  return button(isDark ? "Light" : "Dark", acts.theme, { class: "plain", "aria-label": isDark ? "Show in light colours" : "Show in dark colours" });
}

function currentTheme() {
  return document.documentElement.dataset.theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
}

export function switchTheme() {
  const chosen = currentTheme() === "dark" ? "light" : "dark";
  document.documentElement.dataset.theme = chosen;
  lasting.set("theme", chosen);
}

// --- signing in

export function signIn(app, acts) {
  const submit = (event) => {
    event.preventDefault();
    acts.signIn(new FormData(event.target).get("token").trim());
  };
  return h("main", { id: "main", class: "sign-in", tabindex: "-1" },
    h("form", { on: { submit } },
      h("h1", null, brandMark(), "error-recovery"),
      h("p", null, "This daemon wants to know who you are."),
      h("label", { class: "field" }, h("span", null, "Your token"),
        h("input", { name: "token", type: "password", autocomplete: "current-password", required: true, autofocus: true }),
        h("small", null, "It is kept until this window is closed. Who runs this daemon gives it to you.")),
      app.refused ? h("p", { class: "banner bad", role: "alert" }, shape("bad"), h("span", null, app.refused)) : null,
      h("button", { type: "submit", class: "button main" }, "Sign in")));
}

// --- help

const SIGNS = [
  ["bad", "broken, or needs you"], ["asks", "waits for your yes or no"], ["busy", "being worked on"], ["waits", "waits, or is held back"],
  ["good", "well, or recovered"], ["still", "recorded, nothing is done"], ["unknown", "nobody knows"],
];
const KEYS = [
  ["j, k", "next, previous row"], ["Enter", "open it"], ["a, d", "approve, deny what the chosen row asks (asks first)"],
  ["p", "pause or resume everything (asks first)"], ["/", "to the filter"], ["u", "back"], ["?", "this help"],
];

export function openHelp(app, render) {
  const node = document.createElement("dialog");
  node.className = "help";
  node.setAttribute("aria-labelledby", "help-title");
  document.body.append(node);
  const flip = (event) => keys.switchKeys(event.target.checked);
  const goes = app.places.filter((place) => place.key).map((place) => [`g ${place.key}`, place.title]);
  const list = (pairs) => h("dl", null, pairs.map(([name, words]) => h("div", { key: name }, h("dt", null, name), h("dd", null, words))));
  render(node, h("div", null,
    h("h2", { id: "help-title" }, "Help"),
    h("div", { class: "two" },
      h("div", null, h("h3", null, "Keys"), list(KEYS.map(([name, words]) => [h("kbd", null, name), words])), list(goes.map(([name, words]) => [h("kbd", null, name), words]))),
      h("div", null, h("h3", null, "Signs"), h("ul", null, SIGNS.map(([tone, words]) => h("li", { class: `toned ${tone}` }, shape(tone), h("span", null, words)))),
        h("p", null, "The same on a terminal: ", h("code", null, "error-cli top")))),
    h("label", { class: "choice" }, h("input", { type: "checkbox", checked: keys.areOn(), on: { change: flip } }), h("span", null, "Keys of one letter are on")),
    h("div", { class: "buttons" }, button("Close", () => node.close(), { class: "main" }))));
  node.addEventListener("close", () => node.remove());
  node.showModal();
}
