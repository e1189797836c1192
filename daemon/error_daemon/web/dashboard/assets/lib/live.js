// The daemon's stream of changes (server-sent events), read through fetch: an EventSource can't show a token.
//
//   connecting ── answered ──► open ── silent for too long, ended, broken ──► waiting ── the time is up ──► connecting
//
// The stream only says that something has changed. What it is now, a page asks for; so an event that is lost, or that comes in a storm of
// thousands, costs nothing but one more question. Format: https://html.spec.whatwg.org/multipage/server-sent-events.html

import { headers } from "./api.js";

const SILENCE_MS = 40000; // the daemon sends a comment more often than this
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 10000;

export class Live {
  // `onEvent(kind, data)`; `onState()` when `isOpen` has changed.
  constructor(path, onEvent, onState) {
    this.path = path;
    this.onEvent = onEvent;
    this.onState = onState;
    this.isOpen = false;
    this.lastId = "";
    this.wait = FIRST_WAIT_MS;
    this.turn = null; // from one start to its stop: what was begun before that ends by itself
    this.stopped = new AbortController();
  }

  start() {
    if (this.turn) return;
    this.wait = FIRST_WAIT_MS;
    this.run((this.turn = {}));
  }

  stop() {
    if (!this.turn) return;
    this.turn = null;
    clearTimeout(this.silence);
    this.stopped.abort();
    this.wake?.();
    if (this.isOpen) this.tell(false);
  }

  hurry() {
    this.wait = FIRST_WAIT_MS;
    this.wake?.();
  }

  async run(mine) {
    while (this.turn === mine) {
      this.stopped = new AbortController();
      try {
        await this.read();
      } catch {
        // broken off, refused or silent: the same is done about each
      }
      if (this.turn !== mine) return;
      clearTimeout(this.silence);
      if (this.isOpen) this.tell(false);
      await this.rest();
    }
  }

  rest() {
    const wait = this.wait * (0.5 + Math.random()); // so that fifty pages do not come back in one moment
    this.wait = Math.min(LONGEST_WAIT_MS, this.wait * 1.7);
    return new Promise((done) => {
      this.wake = done;
      setTimeout(done, wait);
    });
  }

  tell(isOpen) {
    this.isOpen = isOpen;
    this.onState();
  }

  heard() {
    clearTimeout(this.silence);
    this.silence = setTimeout(() => this.stopped.abort(), SILENCE_MS);
  }

  async read() {
    this.heard();
    const more = { accept: "text/event-stream", ...(this.lastId && { "last-event-id": this.lastId }) };
    const { signal } = this.stopped;
    const answer = await fetch(this.path, { headers: headers(more), cache: "no-store", credentials: "omit", signal });
    signal.throwIfAborted();
    if (!answer.ok) return;
    this.wait = FIRST_WAIT_MS;
    this.tell(true);
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      this.heard();
      const blocks = (rest + value).split(/\r?\n\r?\n/);
      rest = blocks.pop();
      blocks.forEach((block) => this.take(block));
    }
  }

  take(block) {
    const said = { event: "message", data: [] };
    for (const line of block.split(/\r?\n/)) {
      const [, name, value] = /^([^:]*):? ?(.*)$/s.exec(line);
      if (name === "data") said.data.push(value);
      else if (name === "event") said.event = value;
      else if (name === "id") this.lastId = value;
      else if (name === "retry" && /^\d+$/.test(value)) this.wait = Math.min(LONGEST_WAIT_MS, Number(value));
    }
    if (said.data.length) this.onEvent(said.event, said.data.join("\n"));
  }
}
