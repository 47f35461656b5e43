"use strict";
// Tables sort by a click on a head; the clips of a row play together, with the sound of the one that is marked.
for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = head.textContent;
    head.replaceChildren(button);
    button.addEventListener("click", () => {
      const up = head.getAttribute("aria-sort") !== "ascending";
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      const body = table.tBodies[0];
      const rows = [...body.rows].sort((a, b) => order(a.cells[column], b.cells[column]) * (up ? 1 : -1));
      body.append(...rows);
    });
  });
}

function order(a, b) {
  const [x, y] = [a, b].map((cell) => parseFloat((cell.dataset.value ?? cell.textContent).replace("< ", "").replace("−", "-")));
  if (Number.isNaN(x) || Number.isNaN(y)) {
    return Number.isNaN(x) === Number.isNaN(y) ? a.textContent.localeCompare(b.textContent) : Number.isNaN(x) ? 1 : -1;
  }
  return x - y;
}

for (const row of document.querySelectorAll("section.row")) {
  const players = [...row.querySelectorAll(".player")];
  const videos = players.map((player) => player.querySelector("video"));
  const heard = players.map((player) => player.querySelector(".heard"));
  const listen = () => videos.forEach((video, i) => { if (video) video.muted = !heard[i].checked; });
  let together = false;
  heard.forEach((choice) => choice.addEventListener("change", listen));
  // A clip that is played by its own button is heard, whichever is marked.
  videos.forEach((video, i) => video?.addEventListener("play", () => { if (!together) { heard[i].checked = true; listen(); } }));
  row.querySelector(".together").addEventListener("click", async () => {
    const present = videos.filter(Boolean);
    together = true;
    listen();
    present.forEach((video) => { video.pause(); video.preload = "auto"; });
    await Promise.all(present.map(ready));
    present.forEach((video) => { video.currentTime = 0; });
    await Promise.allSettled(present.map((video) => video.play()));
    together = false;
  });
}

function ready(video) {
  if (video.readyState >= 3 || video.error) return Promise.resolve();
  return new Promise((resolve) => {
    for (const event of ["canplay", "error"]) video.addEventListener(event, resolve, { once: true });
    video.load();
  });
}
