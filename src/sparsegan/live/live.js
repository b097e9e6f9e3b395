
// The live page: asks its own server what is new, and puts only the parts in that have changed.
const link = document.getElementById("link");
const SOON = 2000, LATER = 10000;
let timer = 0;

function reading(part) {
  // What somebody reads off with pointer or keys stays until they let go.
  return part.querySelector(".read:not([hidden])") !== null;
}

async function replace(part) {
  const answer = await fetch("part/" + part.id, { cache: "no-store" });
  if (!answer.ok) throw new Error(String(answer.status));
  const markup = await answer.text();
  const focus = [...part.querySelectorAll("[tabindex], button, summary")]
    .indexOf(document.activeElement);
  const folds = [...part.querySelectorAll("details")].map((fold) => fold.open);
  // The frame that somebody has brought up in each filmstrip, but for the newest ones.
  const frames = [...part.querySelectorAll(".samples")].map((samples) =>
    samples.querySelector(".film [aria-current]:not(:last-child) span")?.textContent);
  part.innerHTML = markup;
  part.dataset.digest = answer.headers.get("ETag").replaceAll('"', "");
  wire(part);
  part.querySelectorAll("details").forEach((fold, index) => { fold.open = Boolean(folds[index]); });
  part.querySelectorAll(".samples").forEach((samples, index) => {
    for (const other of samples.querySelectorAll(".film button")) {
      if (other.textContent === frames[index]) other.click();
    }
  });
  if (focus >= 0) {
    const now = part.querySelectorAll("[tabindex], button, summary")[focus];
    if (now !== undefined) now.focus({ preventScroll: true });
  }
}

async function update() {
  clearTimeout(timer);
  let wait = LATER;
  try {
    const answer = await fetch("state", { cache: "no-store" });
    if (!answer.ok) throw new Error(String(answer.status));
    const state = await answer.json();
    for (const [name, digest] of Object.entries(state.parts)) {
      const part = document.getElementById(name);
      if (part.dataset.digest !== digest && !reading(part)) await replace(part);
    }
    link.className = "";
    link.textContent = state.ending
      ? "The program that serves this page is ending; the page stays as it is."
      : "Read from the run's directory at " + new Date().toLocaleTimeString() + ".";
    wait = state.training ? SOON : LATER;
  } catch {
    link.className = "lost";
    link.textContent = "This page is no longer served, and shows what was last read. It goes on by " +
      "itself if it is served again at this address.";
  }
  document.body.dataset.updates = Number(document.body.dataset.updates || 0) + 1;
  if (!document.hidden) timer = setTimeout(update, wait);
}

document.addEventListener("visibilitychange", () => { if (!document.hidden) update(); });
timer = setTimeout(update, SOON);
