// Answers on their way: kept in the browser until the server has committed them, sent one by one, in order.

const KEY = "cmmd-bench-unsent";
const SOONEST = 500;
const LATEST = 8000;

class Outbox {
  // send(entry) resolves when it is saved, rejects with {again: true} when it should be tried once more;
  // tell(state) hears "saving", "saved" and "unsaved"; refused(entry, error) hears of answers that were not taken.
  constructor(seat, { send, tell, refused }) {
    Object.assign(this, { seat, send, tell, refused, busy: false, gone: false });
    this.entries = this.#stored();
    this.start = performance.now();
  }

  add(entry) {
    this.entries.push({ ...entry, client_id: newId(), client_at: Date.now(), since: performance.now() });
    this.#store();
    this.pump();
  }

  has(presentation) {
    return this.entries.some((entry) => entry.presentation === presentation);
  }

  async pump() {
    if (this.busy) return;
    this.busy = true;
    let wait = SOONEST;
    while (this.entries.length && !this.gone) {
      const entry = this.entries[0];
      this.tell(wait === SOONEST ? "saving" : "unsaved");
      try {
        await this.send(asSent(entry));
        this.#drop(entry);
        wait = SOONEST;
      } catch (error) {
        if (error.again) {
          this.tell("unsaved");
          await this.#pause(wait);
          wait = Math.min(2 * wait, LATEST);
        } else {
          this.#drop(entry);
          this.refused(entry, error);
        }
      }
    }
    this.busy = false;
    if (!this.gone) this.tell("saved");
  }

  leave() {
    this.gone = true;
  }

  #drop(entry) {
    this.entries = this.entries.filter((other) => other !== entry);
    this.#store();
  }

  #pause(wait) {
    // The browser says when the network is back; nobody has to wait out the longest pause then.
    return new Promise((resume) => {
      const timer = setTimeout(done, wait);
      function done() {
        clearTimeout(timer);
        removeEventListener("online", done);
        resume();
      }
      addEventListener("online", done);
    });
  }

  #stored() {
    try {
      const all = JSON.parse(localStorage.getItem(KEY) || "[]");
      // Of an earlier visit: its clock has ended, the wall clock must do.
      return all.filter((entry) => entry.seat === this.seat).map((entry) => ({ ...entry, since: null }));
    } catch {
      return [];
    }
  }

  #store() {
    try {
      let others = [];
      try {
        others = JSON.parse(localStorage.getItem(KEY) || "[]").filter((entry) => entry.seat !== this.seat);
      } catch { /* whatever was there is not ours */ }
      const mine = this.entries.map((entry) => ({ ...entry, seat: this.seat }));
      if (mine.length + others.length) localStorage.setItem(KEY, JSON.stringify([...others, ...mine]));
      else localStorage.removeItem(KEY);
    } catch { /* storage is off: the answers live as long as the page */ }
  }
}

function asSent(entry) {
  const { presentation, question, value, client_id, client_at, proof } = entry;
  const age = entry.since === null ? Date.now() - client_at : performance.now() - entry.since;
  const bounded = Math.min(Math.max(0, Math.round(age)), 7 * 86400000);
  return { presentation, question, value, client_id, client_at, proof: { ...proof, age: bounded } };
}

function newId() {
  // randomUUID is missing where the page comes without TLS.
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
