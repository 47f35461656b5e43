// The rater's page from the first test of sound to the last answer. The server knows the place; the page shows it.

const DIGIT = /^[0-9]$/;

class Study {
  // data: {token, base, texts}; leave(page) hands the page back to the server's own pages.
  constructor(root, data, leave) {
    Object.assign(this, { root, data, leave, texts: data.texts, ahead: new Map(), action: null });
    this.outbox = new Outbox(data.seat, {
      send: (entry) => this.post("api/answers", entry),
      tell: (state) => this.showState(state),
      refused: (entry, error) => this.showRefused(error),
    });
    this.keys = (event) => this.key(event);
    this.leaving = (event) => { if (this.outbox.entries.length) event.preventDefault(); };
    document.addEventListener("keydown", this.keys);
    addEventListener("beforeunload", this.leaving);
    this.begin();
  }

  end() {
    document.removeEventListener("keydown", this.keys);
    removeEventListener("beforeunload", this.leaving);
    this.outbox.leave();
    if (this.player) this.player.stop();
  }

  async begin() {
    // What an earlier visit could not send comes first, or the place would be one behind.
    await this.outbox.pump();
    await this.next();
  }

  async next() {
    const place = await this.patiently(() => this.ask("api/place"));
    if (!place) return;
    if (place.page === "rating") {
      if (place.section.starts && !Object.keys(place.current.answers).length) this.showSection(place);
      else this.showClip(place);
    } else if (place.page === "preflight") this.showPreflight(place);
    else this.leave(place.page);
  }

  // Requests

  async ask(path, options = {}) {
    let response;
    try {
      response = await fetch(this.data.base + path, {
        ...options,
        cache: "no-store",
        headers: { Authorization: `Bearer ${this.data.token}`, ...(options.headers || {}) },
      });
    } catch {
      throw { again: true };
    }
    if (response.ok) return response.json();
    if (response.status >= 500 || response.status === 429) throw { again: true };
    const said = await response.json().catch(() => ({ error: "unknown", message: response.statusText }));
    throw { again: false, code: said.error, message: said.message, status: response.status };
  }

  post(path, value) {
    const headers = { "Content-Type": "application/json" };
    return this.ask(path, { method: "POST", body: JSON.stringify(value), headers, keepalive: true });
  }

  async patiently(work) {
    for (let wait = 500; ; wait = Math.min(2 * wait, 8000)) {
      try {
        return await work();
      } catch (error) {
        if (!error.again) {
          this.leave(error.code === "closed" ? "closed" : "reload");
          return null;
        }
        this.showState("unsaved");
        await new Promise((resume) => setTimeout(resume, wait));
      }
    }
  }

  // Pages

  showPreflight(place) {
    const { texts } = this;
    this.page(`
      <h2>${texts.preflight_title}</h2>
      <p>${texts.preflight_text}</p>
      <div class="desk">${stage(texts)}
      <form>
        <fieldset disabled><legend>${texts.preflight_question}</legend>
          <div class="scale">${[0, 2, 3, 4, 5].map((count) => radio("heard", count, count || texts.preflight_none)).join("")}</div>
        </fieldset>
        <fieldset disabled><legend>${texts.preflight_together}</legend>
          <div class="scale">${radio("together", 1, texts.yes)}${radio("together", 0, texts.no)}</div>
        </fieldset>
        <div class="foot"><p class="note" role="status"></p>
          <button type="submit" class="primary next" disabled>${texts.next}</button></div>
      </form></div>`);
    let tries = 0;
    const done = async (passed) => {
      const detail = { heard: chosen(this.form, "heard"), beeps: place.preflight.beeps,
        together: chosen(this.form, "together") === 1, tries: tries + 1, passed, agent: kindOfBrowser() };
      await this.patiently(() => this.post("api/events", { kind: "preflight", detail }));
      await this.next();
    };
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      if (this.form.querySelector(".next").disabled) return;
      const right = chosen(this.form, "heard") === place.preflight.beeps;
      const together = chosen(this.form, "together") === 1;
      if ((right && together) || this.form.dataset.goOn) return done(right && together);
      tries += 1;
      this.say(right ? this.texts.preflight_apart : this.texts.preflight_wrong, true);
      if (tries < 2) return undefined;
      // Whoever hears nothing after two tries is noted, not locked out.
      this.form.dataset.goOn = "1";
      this.form.querySelector(".next").textContent = this.texts.preflight_go_on;
      return undefined;
    });
    this.form.addEventListener("change", () => {
      const both = chosen(this.form, "heard") !== null && chosen(this.form, "together") !== null;
      this.form.querySelector(".next").disabled = !both;
    });
    this.startPlayer({ media: place.preflight.media, leastShare: 0.95 });
  }

  showSection(place) {
    const { texts } = this;
    this.page(`
      ${this.top(place)}
      <h2>${texts.section_title}</h2>
      <p>${escaped(place.section.instructions)}</p>
      <ul>${place.section.questions.map((question) => `<li>${escaped(question.text)}</li>`).join("")}</ul>
      ${place.section.practice ? `<p>${texts.section_practice}</p>` : ""}
      <p>${texts.section_keys}</p>
      <div class="foot"><span></span><button type="button" class="primary large start">${texts.start}</button></div>`);
    const start = this.root.querySelector(".start");
    start.addEventListener("click", () => this.showClip(place));
    start.focus();
    this.action = () => start.click();
  }

  showClip(place) {
    const { texts } = this;
    this.place = place;
    this.page(`
      ${this.top(place)}
      <div class="desk">${stage(texts)}
      <form>
        ${place.section.questions.map((question) => asFieldset(question, place.current.answers, texts)).join("")}
        <div class="foot"><p class="note" role="status"></p><p class="state" aria-live="polite"></p>
          <button type="submit" class="primary next" disabled>${texts.next}</button></div>
      </form></div>`);
    this.form.addEventListener("change", (event) => this.answer(event.target));
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.goOn();
    });
    this.say(texts.wait_for_end);
    this.startPlayer({ media: place.current.media, leastShare: place.playback.least_share });
    this.openNext();
  }

  top(place) {
    const { texts } = this;
    const minutes = Math.round(place.seconds_left / 60);
    const left = minutes < 1 ? texts.minute_left : texts.minutes_left.replace("{minutes}", minutes);
    const number = texts.clip_of.replace("{number}", place.done + 1).replace("{total}", place.total);
    const badge = place.section.practice ? `<span class="badge">${texts.practice}</span>` : "";
    const share = (100 * place.done) / place.total;
    return `<div class="top"><span class="where">${number}</span>${badge}<span>${left}</span></div>
      <div class="bar" role="progressbar" aria-valuemin="0" aria-valuemax="${place.total}" aria-valuenow="${place.done}"
        aria-label="${number}"><div style="width:${share}%"></div></div>`;
  }

  // Playing

  startPlayer({ media, leastShare }) {
    const find = (selector) => this.root.querySelector(selector);
    const address = this.data.base + media;
    const play = find(".play");
    const again = find(".again");
    this.player = new Player(find("video"), (kind) => this.heard(kind));
    this.player.load(address, { leastShare, ahead: this.ahead.get(address) || null });
    this.ahead.delete(address);
    const volume = find(".volume");
    volume.value = this.data.volume ?? 0.8;
    this.player.video.volume = volume.value;
    volume.addEventListener("input", () => {
      this.data.volume = Number(volume.value);
      this.player.video.volume = this.data.volume;
      this.player.video.muted = false;
    });
    for (const button of [play, again]) button.addEventListener("click", () => this.play());
    play.focus();
    this.action = () => this.play();
  }

  play() {
    const most = this.place && this.place.playback.most_plays;
    if (most && this.player.measured.plays >= most) return this.say(this.texts.no_more_plays);
    return this.player.play();
  }

  heard(kind) {
    const find = (selector) => this.root.querySelector(selector);
    const { texts } = this;
    const cover = find(".cover");
    cover.hidden = kind === "playing" || kind === "ended";
    find(".play").disabled = kind === "loading" || kind === "retry" || kind === "failed";
    find(".again").hidden = !this.player.wasSeen && kind !== "ended";
    find(".again").disabled = kind === "playing";
    if (kind === "loading") this.say(texts.loading);
    if (kind === "ready") this.say(this.player.wasSeen ? texts.questions_open : texts.wait_for_end);
    if (kind === "playing" && !this.player.wasSeen) this.say(texts.wait_for_end);
    if (kind === "retry") this.say(texts.media_retry, true);
    if (kind === "short") this.say(texts.play_again_needed, true);
    if (kind === "muted") this.say(texts.sound_off, true);
    if (kind === "ready" && this.player.tries === 0) find(".play").focus();
    if (kind === "failed") this.showUnplayable();
    if (kind === "ended") this.openQuestions();
  }

  openQuestions() {
    const fields = [...this.form.querySelectorAll("fieldset")];
    const first = fields[0].disabled;
    for (const field of fields) field.disabled = false;
    this.say(this.place ? this.texts.questions_open : "");
    this.action = () => this.goOn();
    if (first) this.focusOpen();
    this.fetchAhead();
    this.openNext();
  }

  showUnplayable() {
    this.say(this.texts.media_failed, true);
    if (!this.place) {
      // The test clip itself: noted, and the rater may go on.
      this.form.dataset.goOn = "1";
      for (const field of this.form.querySelectorAll("fieldset")) field.disabled = false;
      return;
    }
    const skip = this.form.querySelector(".next");
    skip.textContent = this.texts.media_skip;
    skip.disabled = false;
    this.unplayable = this.player.video.error ? `media error ${this.player.video.error.code}` : "not loaded";
  }

  async fetchAhead() {
    const media = this.place && this.place.following;
    if (!media || this.ahead.size) return;
    const address = this.data.base + media;
    try {
      const response = await fetch(address, { priority: "low", cache: "no-store" });
      if (response.ok) this.ahead.set(address, await response.blob());
    } catch { /* the player fetches it when it is due */ }
  }

  // Answers

  answer(input) {
    const { current } = this.place;
    const value = Number(input.value);
    current.answers[input.name] = value;
    this.outbox.add({ presentation: current.presentation, question: input.name, value, proof: { ...this.player.proof(), failure: "" } });
    this.openNext();
  }

  get isAnswered() {
    const { current, section } = this.place;
    return section.questions.every((question) => !question.required || current.answers[question.id] !== undefined);
  }

  openNext() {
    if (!this.place || this.unplayable) return;
    const saved = !this.outbox.has(this.place.current.presentation);
    const next = this.form && this.form.querySelector(".next");
    if (!next) return;
    const opens = next.disabled && this.isAnswered && saved;
    next.disabled = !(this.isAnswered && saved);
    if (opens) next.focus({ preventScroll: true });
  }

  async goOn() {
    if (!this.place) return this.form.requestSubmit();
    if (this.moving) return undefined;
    if (this.unplayable) {
      const { current, section } = this.place;
      const proof = { ...this.player.proof(), failure: this.unplayable };
      for (const question of section.questions) {
        this.outbox.add({ presentation: current.presentation, question: question.id, value: null, proof });
      }
    } else if (!this.isAnswered) {
      this.focusOpen();
      return this.say(this.player.wasSeen ? this.texts.answer_all : this.texts.wait_for_end);
    }
    this.moving = true;
    await this.outbox.pump();
    while (this.outbox.entries.length) await new Promise((resume) => setTimeout(resume, 100));
    this.moving = false;
    if (this.wasRefused) {
      this.wasRefused = false;
      return undefined;
    }
    return this.next();
  }

  showState(state) {
    const line = this.root.querySelector(".state");
    if (line) {
      const waiting = state !== "saved" || (this.place && Object.keys(this.place.current.answers).length);
      line.textContent = waiting ? this.texts[state] : "";
      line.classList.toggle("warning", state === "unsaved");
    }
    if (state === "saved") this.openNext();
  }

  showRefused(error) {
    this.wasRefused = true;
    if (error.code === "closed" || error.code === "withdrawn") return this.leave(error.code);
    this.say(this.texts.refused.replace("{reason}", error.message), true);
    if (this.place) {
      this.place.current.answers = {};
      for (const input of this.form.querySelectorAll("input:checked")) input.checked = false;
    }
    return undefined;
  }

  // Keys: a digit answers the first open question, Enter does what comes next, R plays again.

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
    const target = event.composedPath()[0];
    const typing = target instanceof HTMLElement && (target.isContentEditable || /^(TEXTAREA|SELECT)$/.test(target.tagName)
      || (target.tagName === "INPUT" && !/^(radio|range|checkbox)$/.test(target.type)));
    if (typing) return;
    if (DIGIT.test(event.key)) this.digit(event);
    else if (event.key === "r" || event.key === "R") { if (this.player && this.player.wasSeen) this.play(); }
    else if (event.key === "Enter" && this.action && target.tagName !== "BUTTON") {
      event.preventDefault();
      this.action();
    }
  }

  digit(event) {
    const fields = this.form ? [...this.form.querySelectorAll("fieldset:not([disabled])")] : [];
    const inside = fields.find((field) => field.contains(this.root.getRootNode().activeElement));
    const open = inside || fields.find((field) => !field.querySelector("input:checked"));
    const input = open && open.querySelector(`input[value="${event.key}"]`);
    if (!input) return;
    event.preventDefault();
    if (!input.checked) {
      input.checked = true;
      input.dispatchEvent(new Event("change", { bubbles: true }));
    }
    this.focusOpen();
  }

  focusOpen() {
    const fields = [...this.form.querySelectorAll("fieldset:not([disabled])")];
    const open = fields.find((field) => !field.querySelector("input:checked"));
    const next = this.form.querySelector(".next");
    const target = open ? open.querySelector("input") : next;
    if (target) target.focus({ preventScroll: false });
    if (!open) this.action = () => this.goOn();
  }

  // The page itself

  page(html) {
    if (this.player) this.player.stop();
    this.player = null;
    this.unplayable = "";
    if (!html.includes("<form>")) this.form = null;
    this.root.innerHTML = html;
    this.form = this.root.querySelector("form");
    if (this.root.scrollIntoView) this.root.scrollIntoView({ block: "start" });
  }

  say(text, warning = false) {
    const line = this.root.querySelector(".note");
    if (!line) return;
    line.textContent = text;
    line.classList.toggle("warning", warning);
  }
}

function stage(texts) {
  return `<div class="seen"><div class="stage"><video preload="auto" tabindex="-1"></video>
      <div class="cover"><button type="button" class="primary large play" disabled>${texts.play}</button></div></div>
    <div class="controls"><button type="button" class="again" hidden>${texts.replay}</button>
      <label>${texts.volume} <input class="volume" type="range" min="0" max="1" step="0.05"></label></div></div>`;
}

function asFieldset(question, answers, texts) {
  const { id, values, labels } = question;
  const labelled = Object.keys(labels).length > 0;
  const radios = values.map((value) => radio(id, value, value, labels[value], answers[id] === value)).join("");
  const hints = question.hints.length ? `<ul>${question.hints.map((hint) => `<li>${escaped(hint)}</li>`).join("")}</ul>` : "";
  const ends = labelled ? "" : `<div class="ends" aria-hidden="true"><span>${texts.worst}</span><span>${texts.best}</span></div>`;
  // Closed until the clip was seen in this visit, also where an earlier visit had begun to answer.
  return `<fieldset data-question="${escaped(id)}" disabled><legend>${escaped(question.text)}</legend>${hints}
    <div class="scale ${labelled ? "labelled" : ""}" role="radiogroup">${radios}</div>${ends}</fieldset>`;
}

function radio(name, value, shown, label = "", checked = false) {
  const small = label ? `<small>${escaped(label)}</small>` : "";
  return `<label><input type="radio" name="${escaped(name)}" value="${value}" ${checked ? "checked" : ""}
    autocomplete="off"><span>${escaped(String(shown))} ${small}</span></label>`;
}

function chosen(form, name) {
  const input = form.querySelector(`input[name="${name}"]:checked`);
  return input ? Number(input.value) : null;
}

function kindOfBrowser() {
  // Enough to explain trouble with sound, too little to know anybody by.
  const found = /(Firefox|Edg|Chrome|Safari)/.exec(navigator.userAgent);
  return `${found ? found[1] : "other"} ${/Mobi/.test(navigator.userAgent) ? "phone" : "desktop"}`;
}

function escaped(text) {
  return String(text).replace(/[&<>"']/g, (sign) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" })[sign]);
}

export default function rating({ data, parentElement, setStateValue }) {
  const root = parentElement.querySelector(".study");
  if (!root.study) root.study = new Study(root, data, (page) => setStateValue("page", page));
  return () => {
    root.study.end();
    root.study = null;
  };
}
