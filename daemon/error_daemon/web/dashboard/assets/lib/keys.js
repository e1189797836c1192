// The keyboard: single letters, and "g" followed by one. Never while something is being written, never together with Ctrl, Alt or Meta; and
// they can be switched off, for who speaks to their computer (WCAG 2.1.4).
//
// A key that is held repeats itself by the hour: it is pressed once. Only going from row to row goes on. So does what it was pressed for: a
// letter that opened a question is not written into it, and Enter does not say yes to it.

import { lasting } from "./store.js";

const SECOND_MS = 1500;
const AFTER_ANSWER_MS = 1000;
const MAY_REPEAT = ["j", "k"];
const OFF = "keys-off";

export const areOn = () => lasting.get(OFF) !== "yes";
export const switchKeys = (isOn) => lasting.set(OFF, isOn ? "" : "yes");

// `press(keys)`: "j", "g n", "?"; answers whether it was for something.
export function listen(press) {
  let first = "";
  let since = 0;
  let held = "";
  document.addEventListener("keyup", (event) => {
    if (event.key === held) held = "";
  });
  document.addEventListener("keydown", (event) => {
    if (event.repeat && !MAY_REPEAT.includes(event.key)) {
      if (event.key === held || (event.key === "Enter" && !event.target.closest?.("textarea"))) event.preventDefault();
      return;
    }
    const isWriting = event.target.closest?.("input, textarea, select, [contenteditable]");
    if (isWriting || event.ctrlKey || event.altKey || event.metaKey || document.querySelector("dialog[open]")) return;
    if (event.key === "Enter") return void (openRow(event.target) && event.preventDefault());
    if (!areOn()) return;
    const isSecond = first && event.timeStamp - since < SECOND_MS;
    const keys = isSecond ? `${first} ${event.key}` : event.key;
    first = !isSecond && event.key === "g" ? "g" : "";
    since = event.timeStamp;
    if (!press(keys)) return;
    held = event.key;
    event.preventDefault();
  });
}

// From row to row of the page. A row is focused itself, or is the link that leads to what it tells of.
export function step(by) {
  const rows = [...document.querySelectorAll("main [data-row]")];
  if (!rows.length) return;
  const here = rows.findIndex((row) => row === document.activeElement || row.contains(document.activeElement));
  const next = here < 0 ? (by > 0 ? 0 : rows.length - 1) : Math.min(rows.length - 1, Math.max(0, here + by));
  rows[next].focus();
  rows[next].scrollIntoView({ block: "nearest" });
}

// Of a row that is focused itself: the first link in it.
function openRow(row) {
  const to = row.matches?.("main [data-row]:not(a)") ? row.querySelector("a[href]") : null;
  to?.click();
  return Boolean(to);
}

let answeredAt = -Infinity;

// Just after an answer its row is gone, and the same letter once more was meant for what is no longer there.
export function noteAnswer() {
  answeredAt = performance.now();
}

// Presses the button of this key in the row where the focus is. Elsewhere nothing is pressed: the first such row is shown instead.
export function pressButton(key) {
  const buttons = [...document.querySelectorAll(`main [data-key="${key}"]`)];
  const row = document.activeElement?.closest("[data-row]");
  const one = buttons.find((button) => row?.contains(button));
  if (one) one.click();
  else if (performance.now() - answeredAt > AFTER_ANSWER_MS) buttons[0]?.closest("[data-row]")?.focus();
  return buttons.length > 0;
}
