// The REST API, asked as anybody could ask it. Every answer says that the daemon is there; what it refuses comes as a Refusal.

import { passing } from "./store.js";
import { duration, noteDate } from "./words.js";

const TOKEN = "token";
const PATIENCE_MS = 15000;

// What the daemon did not do, in its own words (RFC 9457). `status` 0: it could not be reached, or did not answer in time (`isLate`): it may be
// busy with just this, so nothing is said of whether it is there.
export class Refusal extends Error {
  constructor(status, detail, problem = {}) {
    super(detail);
    this.status = status;
    this.problem = problem;
    this.isLate = false;
  }
  get isAway() {
    return (this.status === 0 && !this.isLate) || this.status === 502 || this.status === 504;
  }
}

export const token = () => passing.get(TOKEN);
export const keepToken = (text) => passing.set(TOKEN, text);

export function headers(more = {}) {
  return token() ? { ...more, Authorization: `Bearer ${token()}` } : more;
}

export function get(path, query = {}, signal = undefined, patience_ms = PATIENCE_MS) {
  const wanted = Object.entries(query).filter(([, value]) => value !== "" && value !== undefined && value !== null && value !== 0);
  const text = new URLSearchParams(wanted).toString();
  return call("GET", text ? `${path}?${text}` : path, undefined, signal, patience_ms);
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
    throw unanswered(error.name === "TimeoutError", patience_ms);
  }
  if (answer.ok) return text ? JSON.parse(text) : {};
  throw refusal(answer, text);
}

function unanswered(isLate, patience_ms) {
  const told = new Refusal(0, isLate ? `The daemon did not answer within ${duration(patience_ms / 1000)}.` : "The daemon cannot be reached.");
  told.isLate = isLate;
  return told;
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
