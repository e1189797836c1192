// The REST API, asked as anybody could ask it. Every answer says that the daemon is there; what it refuses comes as a Refusal.

import { noteDate } from "./words.js";

const TOKEN = "token";
const PATIENCE_MS = 15000;

// What the daemon did not do, in its own words (RFC 9457). `status` 0: it could not be reached.
export class Refusal extends Error {
  constructor(status, detail, problem = {}) {
    super(detail);
    this.status = status;
    this.problem = problem;
  }
  get isAway() {
    return this.status === 0 || this.status === 502 || this.status === 504;
  }
}

export const token = () => sessionStorage.getItem(TOKEN) || "";
export const keepToken = (text) => (text ? sessionStorage.setItem(TOKEN, text) : sessionStorage.removeItem(TOKEN));

export function headers(more = {}) {
  return token() ? { ...more, Authorization: `Bearer ${token()}` } : more;
}

export function get(path, query = {}, signal = undefined) {
  const wanted = Object.entries(query).filter(([, value]) => value !== "" && value !== undefined && value !== null && value !== 0);
  const text = new URLSearchParams(wanted).toString();
  return call("GET", text ? `${path}?${text}` : path, undefined, signal);
}

export const post = (path, body = {}, patience_ms = PATIENCE_MS) => call("POST", path, body, undefined, patience_ms);

async function call(method, path, body, signal, patience_ms = PATIENCE_MS) {
  const patience = AbortSignal.timeout(patience_ms);
  const wanted = { accept: "application/json", ...(body && { "content-type": "application/json" }) };
  let answer;
  let text;
  try {
    answer = await fetch(path, {
      method,
      headers: headers(wanted),
      body: body && JSON.stringify(body),
      cache: "no-cache",
      credentials: "omit",
      signal: signal && AbortSignal.any ? AbortSignal.any([signal, patience]) : patience,
    });
    noteDate(answer.headers.get("date"));
    text = await answer.text();
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Refusal(0, error.name === "TimeoutError" ? "The daemon does not answer." : "The daemon cannot be reached.");
  }
  if (answer.ok) return text ? JSON.parse(text) : {};
  throw refusal(answer, text);
}

function refusal(answer, text) {
  let problem = {};
  try {
    problem = JSON.parse(text);
  } catch {
    // not from the daemon, or cut off: its status has to do
  }
  const fields = (problem.errors || []).map((one) => `${one.field}: ${one.detail}`).join("; ");
  return new Refusal(answer.status, fields || problem.detail || problem.title || `answered ${answer.status}`, problem);
}
