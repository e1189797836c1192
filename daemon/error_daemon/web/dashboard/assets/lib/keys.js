// The keyboard: single letters, and "g" followed by one. Never while something is being written, never together with Ctrl, Alt or Meta; and
// they can be switched off, for who speaks to their computer (WCAG 2.1.4).

const SECOND_MS = 1500;
const OFF = "keys-off";

export const areOn = () => localStorage.getItem(OFF) !== "yes";
export const switchKeys = (isOn) => (isOn ? localStorage.removeItem(OFF) : localStorage.setItem(OFF, "yes"));

// `press(keys)`: "j", "g n", "?"; answers whether it was for something.
export function listen(press) {
  let first = "";
  let since = 0;
  document.addEventListener("keydown", (event) => {
    const isWriting = event.target.closest?.("input, textarea, select, [contenteditable]");
    if (isWriting || event.ctrlKey || event.altKey || event.metaKey || document.querySelector("dialog[open]") || !areOn()) return;
    const isSecond = first && event.timeStamp - since < SECOND_MS;
    const keys = isSecond ? `${first} ${event.key}` : event.key;
    first = !isSecond && event.key === "g" ? "g" : "";
    since = event.timeStamp;
    if (press(keys)) event.preventDefault();
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

// Presses the button of this key in the row where the focus is. Elsewhere nothing is pressed: the first such row is shown instead.
export function pressButton(key) {
  const buttons = [...document.querySelectorAll(`main [data-key="${key}"]`)];
  const row = document.activeElement?.closest("[data-row]");
  const one = buttons.find((button) => row?.contains(button));
  if (one) one.click();
  else buttons[0]?.closest("[data-row]")?.focus();
  return buttons.length > 0;
}
