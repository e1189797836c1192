// Numbers, times and the daemon's words as people say them. The same units as error-cli (phrase.py): 245 µs, 3.2 ms, 12 s, 3 min 20 s.

const STATES = {
  new: "just came",
  queued: "waits for its turn",
  parked: "waits",
  probing: "being looked at",
  attempting: "being recovered",
  verifying: "being checked",
  watching: "recovered, still watched",
  resolved: "recovered",
  failed: "needs a person",
  observed: "only recorded",
  flushed: "given up by a person",
};

// Of a state: the tone it is shown in, and so its shape (parts.js).
const TONES = {
  attempting: "busy",
  verifying: "busy",
  probing: "busy",
  watching: "good",
  resolved: "good",
  failed: "bad",
  observed: "still",
  flushed: "still",
};

export function stateWords(error) {
  return isAsked(error) ? "waits for you" : STATES[error.state] || error.state || status(error.status);
}

export function stateTone(error) {
  return isAsked(error) ? "asks" : TONES[error.state] || "waits";
}

export function isAsked(error) {
  return error.held_by === "approval";
}

// "SEVERITY_HIGH", "high" and 4 are all the same word.
const SEVERITIES = ["", "info", "low", "medium", "high", "critical"];
const TYPES = "- unknown network resource hardware system database worker coordinator task configuration authentication security data timeout".split(" ");

export const severity = (value) => short(value, "SEVERITY_", SEVERITIES);
export const type = (value) => short(value, "ERROR_TYPE_", TYPES);
export const status = (value) => short(value, "STATUS_", ["", "open", "retrying", "resolved", "failed"]);

function short(value, prefix, names) {
  if (typeof value === "number") return names[value] ?? String(value);
  const name = String(value || "").replace(prefix, "").toLowerCase();
  return name === "unspecified" || name === "-" ? "" : name;
}

// --- numbers

const grouped = new Intl.NumberFormat("en-GB");

// 64-bit numbers come as texts.
export const number = (value) => Number(value) || 0;
export const many = (value) => grouped.format(number(value));

export function count(value, noun, plural = noun + "s") {
  return `${many(value)} ${number(value) === 1 ? noun : plural}`;
}

// What is not everything is never rounded up to it.
export function percent(ratio) {
  if (ratio === undefined || ratio === null) return "–";
  const said = 100 * number(ratio);
  return `${said < 100 ? Math.min(99, Math.round(said)) : 100} %`;
}

// As precisely as availability needs it: 91.3 %, 99.995 %.
export function share(ratio) {
  const said = 100 * number(ratio);
  return `${said > 99 && said < 100 ? Math.floor(said * 1000) / 1000 : Number(said.toFixed(1))} %`;
}

export function bytes(value) {
  let rest = number(value);
  for (const unit of ["B", "KiB", "MiB", "GiB", "TiB"]) {
    if (rest < 1024 || unit === "TiB") return `${trim(rest)} ${unit}`;
    rest /= 1024;
  }
}

function trim(value) {
  return Math.abs(value) < 9.95 ? String(Number(value.toFixed(1))) : value.toFixed(0);
}

// Of a figure whose unit is known by the name's end, or is given.
export function quantity(value, unit) {
  if (value === undefined || value === null || value === "") return "–";
  const v = number(value);
  if (unit === "s") return duration(v);
  if (unit === "us") return duration(v / 1e6);
  if (unit === "ratio") return share(v);
  if (unit === "celsius") return `${trim(v)} °C`;
  if (unit === "bytes") return bytes(v);
  const said = Math.abs(v) >= 1000 ? many(Math.round(v)) : trim(v);
  return unit && unit !== "count" && unit !== "score" ? `${said} ${unit.replace("per_s", "/ s").replace(/_/g, " ")}` : said;
}

// --- times

export function duration(seconds) {
  const s = number(seconds);
  if (s < 0) return `-${duration(-s)}`;
  if (s === 0) return "0 s";
  if (s < 0.0009995) return `${trim(s * 1e6)} µs`;
  if (s < 0.9995) return `${trim(s * 1e3)} ms`;
  if (s < 59.5) return `${trim(s)} s`;
  const whole = Math.round(s);
  if (whole < 3600) return pair(whole, 60, "min", 1, "s");
  if (whole < 86400) return pair(whole, 3600, "h", 60, "min");
  return pair(whole, 86400, "d", 3600, "h");
}

function pair(whole, big, bigUnit, small, smallUnit) {
  const rest = Math.floor((whole % big) / small);
  return `${Math.floor(whole / big)} ${bigUnit}${rest ? ` ${rest} ${smallUnit}` : ""}`;
}

// The daemon's clock counts, not that of the person's machine: its answers say how far apart they are.
// The Date of an answer is its whole second: with each answer less is left of what the difference may be.
let ahead_s = 0;
export function noteDate(date) {
  const least = Date.parse(date) / 1000 - Date.now() / 1000;
  if (Number.isFinite(least)) ahead_s = Math.min(Math.max(ahead_s, least), least + 1);
}
export const now = () => Date.now() / 1000 + ahead_s;

function coarse(seconds) {
  for (const [unit, length] of [["d", 86400], ["h", 3600], ["min", 60]]) {
    if (seconds >= length) return `${Math.floor(seconds / length)} ${unit}`;
  }
  return `${Math.floor(seconds)} s`;
}

export function ago(at) {
  const distance = now() - number(at);
  if (!number(at)) return "never";
  if (Math.abs(distance) < 1) return "now";
  return distance > 0 ? `${coarse(distance)} ago` : `in ${coarse(-distance)}`;
}

export const since = (at) => (number(at) ? coarse(Math.max(0, now() - number(at))) : "–");

const clockFormat = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const dayFormat = new Intl.DateTimeFormat("sv-SE", { year: "numeric", month: "2-digit", day: "2-digit" });

const asDate = (at) => new Date(number(at) * 1000);
export const clock = (at) => clockFormat.format(asDate(at));
export const instant = (at) => (number(at) ? `${dayFormat.format(asDate(at))} ${clock(at)}` : "never");

// "03:20:05", with its day where that is not today.
export function until(at) {
  const day = dayFormat.format(asDate(at));
  return day === dayFormat.format(new Date(now() * 1000)) ? clock(at) : `${day} ${clock(at)}`;
}
