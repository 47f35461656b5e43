// Plays one clip from beginning to end and measures how it was seen: no timeline, no skipping ahead, no other speed.

const TRIES = [700, 1500, 3000, 6000];
const SLACK = 0.3;

class Player {
  // hear(kind) hears "loading", "ready", "playing", "ended", "retry", "failed", "short" and "muted".
  constructor(video, hear) {
    Object.assign(this, { video, hear, source: null, object: null });
    video.playsInline = true;
    video.disablePictureInPicture = true;
    video.disableRemotePlayback = true;
    video.setAttribute("controlslist", "nodownload noplaybackrate noremoteplayback nofullscreen");
    video.addEventListener("contextmenu", (event) => event.preventDefault());
    video.addEventListener("loadeddata", () => this.hear("ready"));
    video.addEventListener("waiting", () => { this.measured.stalls += this.video.currentTime > 0 ? 1 : 0; });
    video.addEventListener("timeupdate", () => this.#advance());
    video.addEventListener("seeking", () => this.#holdBack());
    video.addEventListener("ratechange", () => this.#sameSpeed());
    video.addEventListener("ended", () => this.#ended());
    video.addEventListener("error", () => this.#again());
  }

  // ahead: the clip as a blob, where it was fetched before it was due.
  load(address, { leastShare, ahead = null }) {
    this.#release();
    this.source = address;
    this.leastShare = leastShare;
    this.tries = 0;
    this.furthest = 0;
    this.measured = { plays: 0, stalls: 0, viewing: 0, seen: 0, watched: 0, rate: 1, volume: 1, ended: false };
    this.started = null;
    this.endedAt = null;
    this.object = ahead ? URL.createObjectURL(ahead) : null;
    this.hear("loading");
    this.video.src = this.object || this.source;
    this.video.load();
  }

  async play() {
    if (this.isPlaying) return;
    this.video.currentTime = 0;
    this.furthest = this.measured.ended ? this.furthest : 0;
    this.last = 0;
    try {
      await this.video.play();
      this.started = performance.now();
      this.hear("playing");
    } catch (error) {
      // Without data the browser cannot start; the error event has asked for it again.
      if (error.name !== "AbortError" && !this.video.error) this.hear("ready");
    }
  }

  get isPlaying() {
    return !this.video.paused && !this.video.ended;
  }

  get wasSeen() {
    return this.measured.ended;
  }

  stop() {
    this.video.pause();
    this.#release();
    this.video.removeAttribute("src");
    this.video.load();
  }

  proof() {
    const { plays, stalls, viewing, seen, watched, rate, volume, ended } = this.measured;
    const box = this.video.getBoundingClientRect();
    return {
      played: this.#played(),
      ended,
      plays,
      viewing: viewing / 1000,
      visible: watched > 0 ? Math.min(1, seen / watched) : 0,
      rate,
      volume,
      stalls,
      screen: [Math.round(box.width), Math.round(box.height)],
      answering: this.endedAt === null ? 0 : (performance.now() - this.endedAt) / 1000,
    };
  }

  #advance() {
    const now = this.video.currentTime;
    const step = now - this.last;
    if (step > 0 && step < 1 && now <= this.furthest + SLACK + 0.5) {
      this.measured.watched += step;
      if (document.visibilityState === "visible") this.measured.seen += step;
      this.furthest = Math.max(this.furthest, now);
    }
    this.last = now;
  }

  #holdBack() {
    if (this.video.currentTime > this.furthest + SLACK) this.video.currentTime = this.furthest;
  }

  #sameSpeed() {
    if (this.video.playbackRate === 1) return;
    this.measured.rate = Math.max(0, Math.min(16, this.video.playbackRate));
    this.video.playbackRate = 1;
  }

  #ended() {
    const enough = this.#played() >= this.leastShare * this.video.duration - 0.05;
    const volume = this.video.muted ? 0 : this.video.volume;
    this.measured.plays += 1;
    this.measured.viewing = performance.now() - this.started;
    if (!enough) return this.hear("short");
    if (this.measured.rate !== 1) {
      // Played too fast for a moment: only a whole play at its own speed counts.
      this.measured.rate = 1;
      return this.hear("short");
    }
    if (volume === 0) return this.hear("muted");
    this.measured.volume = volume;
    this.measured.ended = true;
    if (this.endedAt === null) this.endedAt = performance.now();
    this.hear("ended");
  }

  #played() {
    const ranges = this.video.played;
    let total = 0;
    for (let i = 0; i < ranges.length; i += 1) total += ranges.end(i) - ranges.start(i);
    return total;
  }

  #again() {
    if (!this.source) return;
    if (this.tries >= TRIES.length) return this.hear("failed");
    this.hear("retry");
    const address = this.source;
    setTimeout(() => {
      if (this.source !== address) return;
      // A blob that does not play is fetched anew.
      this.#release();
      this.source = address;
      this.video.src = address;
      this.video.load();
    }, TRIES[this.tries]);
    this.tries += 1;
  }

  #release() {
    if (this.object) URL.revokeObjectURL(this.object);
    this.object = null;
    this.source = null;
  }
}
