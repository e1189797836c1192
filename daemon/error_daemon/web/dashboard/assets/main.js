// The dashboard's life: which page is shown, what it knows, when it asks again.
//
//   address ──► page (pages/places.js) ──► load: what it asks of /api ──► view: data → description ──► render
//                                            ▲
//        every few seconds; soon after an event of the stream; at once after something was done here, or when the daemon is back
//
// What was shown stays until there is something newer. While the daemon is away it is greyed, and the banner says since when.

import { Refusal, get, keepToken, token } from "./lib/api.js";
import * as chrome from "./lib/chrome.js";
import * as keys from "./lib/keys.js";
import { Live } from "./lib/live.js";
import { empty, shape } from "./lib/parts.js";
import { h, render } from "./lib/render.js";
import { ago, clock, now as daemonNow } from "./lib/words.js";
import { switchPause } from "./lib/acts.js";
import { PLACES, found } from "./pages/places.js";

const SOON_MS = 300; // after an event: several that come together are one question
const MOST_OFTEN_MS = 1000;
const UNSEEN_EVERY_MS = 20000; // of a tab that nobody looks at: its title still says how it is
const AWAY_EVERY_MS = 2000;
const COUNT_EVERY_MS = 20000; // what waits for people, on pages that do not ask for it themselves
const SPOKEN_EVERY_MS = 15000;
const MESSAGE_MS = 8000;
const CALLER = "/api/caller";

const root = document.getElementById("app");
const spoken = document.getElementById("spoken");
const app = {
  places: PLACES, place: null, params: {}, query: {}, page: null, local: {}, data: null, problem: null, refused: "",
  who: null, hasToken: false, away: 0, heardAt: 0, isOpen: false, mustSignIn: false, message: null, asked: 0,
  isOther: false, // what is shown is an answer to another question than the one that was asked
};
let asking = null; // the question that is on its way
let askedAt = 0;
let timer = 0;

const live = new Live("/api/events?most_per_s=2", () => refreshIn(SOON_MS), () => {
  app.isOpen = live.isOpen;
  refreshIn(0);
  draw();
});

// --- which page

async function follow() {
  const goal = found(location.hash) || { place: null, params: {}, query: {} };
  const isOther = goal.place !== app.place || JSON.stringify(goal.params) !== JSON.stringify(app.params);
  const isFilteredElse = JSON.stringify(goal.query) !== JSON.stringify(app.query);
  Object.assign(app, goal);
  if (!isOther) return isFilteredElse ? askAnew() : draw();
  const message = app.message?.goesAlong ? { ...app.message, goesAlong: false } : null;
  Object.assign(app, { page: null, data: null, problem: null, local: {}, message, isOther: false });
  asking?.abort();
  asking = null;
  if (!goal.place) return draw();
  document.title = `${goal.place.title} · error-recovery`;
  draw();
  try {
    const page = (await import(`./pages/${goal.place.file.slice(2)}`)).default;
    if (app.place !== goal.place) return;
    app.page = page;
  } catch {
    app.problem = "This page could not be loaded. The daemon may have another version now: load the whole page again.";
    return draw();
  }
  await refresh();
  document.querySelector("nav [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
  if (document.activeElement === document.body || root.contains(document.activeElement)) document.querySelector("main h1")?.focus({ preventScroll: true });
}

// --- asking

function refreshIn(ms) {
  clearTimeout(timer);
  const apart = document.hidden ? UNSEEN_EVERY_MS : app.away ? 0 : MOST_OFTEN_MS;
  const wait = Math.max(ms, askedAt + apart - Date.now());
  timer = setTimeout(refresh, Math.max(0, wait));
}

// Another question than the one before, of the same page.
function askAnew() {
  asking?.abort();
  asking = null;
  app.isOther = Boolean(app.data);
  draw();
  return refresh();
}

async function refresh() {
  clearTimeout(timer);
  if (!app.page || app.mustSignIn) return;
  if (asking) return void (asking.again = true);
  const mine = (asking = new AbortController());
  askedAt = Date.now();
  try {
    const data = await app.page.load({ ...app, signal: mine.signal });
    if (asking !== mine) return;
    take(data);
  } catch (error) {
    if (asking !== mine) return;
    refused(error);
  }
  asking = null;
  draw();
  const every = app.away ? AWAY_EVERY_MS : (app.page?.every_s || 5) * 1000;
  refreshIn(mine.again ? SOON_MS : every);
}

function take(data) {
  Object.assign(app, { data, problem: null, heardAt: Date.now() / 1000, isOther: false });
  backAgain();
  noteAsked(data);
  speak(app.page.spoken?.(data));
  showIcon(app.page.tone?.(data));
}

let countedAt = 0;
function noteAsked({ needs, needs_more: more }) {
  if (!needs) return;
  app.asked = needs.length + more;
  countedAt = Date.now();
}

async function countAsked() {
  if (document.hidden || !app.who || app.away || Date.now() - countedAt < COUNT_EVERY_MS) return;
  countedAt = Date.now();
  try {
    noteAsked(await get("/api/now"));
    draw();
  } catch {
    // the page itself tells when the daemon is away, or refuses
  }
}

// To who can't see the page; not more often than anybody could listen.
let spokeAt = 0;
function speak(words) {
  if (!words || spoken.textContent === words || Date.now() - spokeAt < SPOKEN_EVERY_MS) return;
  spoken.textContent = words;
  spokeAt = Date.now();
}

function showIcon(tone) {
  if (tone) document.title = `${{ bad: "✕ ", asks: "! ", busy: "▸ " }[tone] || ""}${app.place.title} · error-recovery`;
}

function backAgain() {
  if (!app.away) return;
  app.away = 0;
  live.hurry();
}

function refused(error) {
  if (!(error instanceof Refusal)) {
    console.error(error);
    app.problem = `This page broke: ${error.message}`;
  } else if (error.isAway) {
    app.away ||= heardAt();
    if (!app.data) app.problem = error.message;
  } else if (error.status === 401) {
    signedOut(token() ? "This token is not known here." : "");
  } else {
    if (!error.isLate) backAgain();
    app.problem = error.message;
  }
}

// By the daemon's clock: when the newest answer came.
const heardAt = () => daemonNow() - (app.heardAt ? Date.now() / 1000 - app.heardAt : 0);

// --- who

function signedOut(why) {
  keepToken("");
  live.stop();
  Object.assign(app, { mustSignIn: true, refused: why, who: null, hasToken: false, data: null });
}

const mayPass = (error) => error instanceof Refusal && (error.status === 0 || error.status === 429 || error.status >= 500);

let meeting = 0;
async function meet() {
  clearTimeout(meeting);
  try {
    app.who = await get(CALLER);
    app.hasToken = Boolean(token());
    app.mustSignIn = false;
    if (!document.hidden) live.start();
    if (!app.data && !asking) refresh();
    countAsked();
  } catch (error) {
    refused(error);
    if (app.mustSignIn && mayPass(error)) app.refused = `${error.message} It is tried again by itself.`;
    if (mayPass(error)) meeting = setTimeout(meet, AWAY_EVERY_MS);
  }
  draw();
}

function signIn(text) {
  keepToken(text);
  return meet();
}

// --- what a page may use

const isOperator = () => Boolean(app.who?.roles.includes("operator"));

const context = {
  get isOperator() {
    return isOperator();
  },
  get isAuditor() {
    return Boolean(app.who?.roles.includes("auditor"));
  },
  get local() {
    return app.local; // what the person chose on this page: gone with the page
  },
  get params() {
    return app.params;
  },
  get query() {
    return app.query;
  },
  whyNot: () => h("p", { class: "quiet" }, app.who ? "You may look, and not answer: your role is not operator." : ""),
  redraw: draw,
  refresh: askAnew, // something else was chosen
  say: show,
  // `said`: what is told when it is done, or a function of the answer that gives it; or [tone, what is told, the page that it leads to].
  async act(send, said) {
    try {
      const told = await send();
      const what = typeof said === "function" ? said(told) : said;
      show(...(Array.isArray(what) ? what : ["good", what]));
    } catch (error) {
      if (error.status === 401) refused(error);
      else show("bad", error.message);
    }
    askedAt = 0;
    await refresh();
  },
};

let hushing = 0;
function show(tone, text, place = "") {
  app.message = { tone, text, goesAlong: Boolean(place) };
  clearTimeout(hushing);
  if (tone !== "bad") hushing = setTimeout(hush, MESSAGE_MS);
  if (place) location.hash = `#/${place}`;
  draw();
}

function hush() {
  app.message = null;
  draw();
}

const acts = {
  help: () => chrome.openHelp(app, render),
  theme() {
    chrome.switchTheme();
    draw();
  },
  again() {
    live.hurry();
    refreshIn(0);
  },
  signOut() {
    signedOut("");
    draw();
  },
  signIn,
  hush,
};

// --- drawing

let isDue = false;
function draw() {
  if (isDue) return;
  isDue = true;
  setTimeout(() => {
    isDue = false;
    const before = document.activeElement;
    render(root, app.mustSignIn ? chrome.signIn(app, acts) : h("div", { class: "whole" }, chrome.frame(app, acts, content())));
    if (!before.isConnected && document.activeElement === document.body) document.getElementById("main").focus({ preventScroll: true });
  }, 0);
}

function content() {
  if (!app.place) return problem("There is no such page.");
  if (app.data && app.page) return [app.problem ? problem(`${app.problem} What you see is as of ${clock(heardAt())} (${ago(heardAt())}).`) : null, view()];
  return app.problem ? problem(app.problem) : empty("Asking the daemon …");
}

let broken = null; // what a page could not show: told once, not with every second
function view() {
  if (broken !== app.data) {
    try {
      return app.page.view(app.data, context);
    } catch (error) {
      broken = app.data;
      console.error(error);
    }
  }
  return problem("This page could not be shown. That is a mistake of the dashboard; the browser's console has more.");
}

const problem = (text) => h("div", { class: "banner bad", role: "alert" }, shape("bad"), h("span", null, text));

// --- keys

const KEYS = {
  "?": acts.help,
  j: () => keys.step(1),
  k: () => keys.step(-1),
  u: () => history.back(),
  "/": () => document.querySelector("main [data-filter]")?.focus(),
  p: () => isOperator() && switchPause(context),
};

keys.listen((pressed) => {
  if (pressed === "a" || pressed === "d") return keys.pressButton(pressed);
  const place = pressed.startsWith("g ") && PLACES.find((one) => one.key === pressed.slice(2));
  if (place) location.hash = `#/${place.path}`;
  else KEYS[pressed]?.();
  return Boolean(place || KEYS[pressed]);
});

// A browser has six connections to one host, and a stream holds one: a tab that nobody looks at holds none, so that no tab waits for it.
function seen() {
  if (document.hidden) return live.stop();
  if (app.who) live.start();
  refreshIn(0);
}

// --- it begins

addEventListener("hashchange", follow);
addEventListener("online", acts.again);
document.addEventListener("visibilitychange", seen);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
setInterval(draw, 1000); // "12 s ago" grows
setInterval(countAsked, MOST_OFTEN_MS);
meet();
follow();
