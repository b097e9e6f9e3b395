"use strict";
// Read-outs by pointer and by keyboard, and the filmstrip: a frame clicked is shown large.

function nearest(steps, wanted) {
  let low = 0, high = steps.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (steps[middle] < wanted) low = middle + 1; else high = middle;
  }
  return low > 0 && wanted - steps[low - 1] < steps[low] - wanted ? low - 1 : low;
}

function element(tag, className, text = "") {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = text;
  return made;
}

function readOuts(plot) {
  const series = JSON.parse(plot.querySelector("script").textContent)
    .filter((line) => line.steps.length);
  const right = Number(plot.dataset.right), across = plot.dataset.across;
  const every = [...new Set(series.flatMap((line) => line.steps))].sort((a, b) => a - b);
  const rounded = (step) => step.toLocaleString("en", { maximumFractionDigits: 1 });
  const cursor = element("div", "cursor"), read = element("output", "read");
  cursor.hidden = read.hidden = true;
  plot.append(cursor, read);
  let at = every.length - 1;

  const show = (index) => {
    at = Math.min(Math.max(index, 0), every.length - 1);
    const step = every[at], share = step / right, width = plot.clientWidth;
    read.replaceChildren(element("b", "", across + " " + rounded(step)));
    const said = [across + " " + rounded(step)];
    for (const line of series) {
      const own = nearest(line.steps, step);
      const where = line.steps[own] === step ? "" : " (at " + rounded(line.steps[own]) + ")";
      const row = element("span", "c" + line.color);
      row.append(element("i", "", line.name + where), element("em", "", line.values[own]));
      read.append(row);
      said.push(line.name + where + " " + line.values[own]);
    }
    plot.setAttribute("aria-valuenow", step);
    plot.setAttribute("aria-valuetext", said.join(", "));
    cursor.hidden = read.hidden = false;
    cursor.style.left = 100 * share + "%";
    const roomRight = width * (1 - share) > read.offsetWidth + 16;
    read.style.left = roomRight ? share * width + 12 + "px"
      : Math.max(share * width - read.offsetWidth - 12, -8) + "px";
  };
  const hide = () => { cursor.hidden = read.hidden = true; };
  const point = (event) => {
    const box = plot.getBoundingClientRect();
    const share = Math.min(Math.max((event.clientX - box.left) / box.width, 0), 1);
    show(nearest(every, share * right));
  };
  plot.addEventListener("pointermove", point);
  plot.addEventListener("pointerdown", point);
  plot.addEventListener("pointerleave", hide);

  // A slider over the steps is what screen readers know how to read out.
  plot.tabIndex = 0;
  plot.setAttribute("role", "slider");
  plot.setAttribute("aria-label", plot.querySelector("svg").getAttribute("aria-label"));
  plot.setAttribute("aria-valuemin", every[0]);
  plot.setAttribute("aria-valuemax", every[at]);
  plot.setAttribute("aria-valuenow", every[at]);
  const page = Math.max(1, Math.round(every.length / 10));
  const keys = {
    ArrowLeft: () => at - 1, ArrowDown: () => at - 1, ArrowRight: () => at + 1,
    ArrowUp: () => at + 1, PageDown: () => at - page, PageUp: () => at + page,
    Home: () => 0, End: () => every.length - 1,
  };
  plot.addEventListener("focus", () => { if (plot.matches(":focus-visible")) show(at); });
  plot.addEventListener("blur", hide);
  plot.addEventListener("keydown", (event) => {
    if (event.key === "Escape") hide();
    if (!(event.key in keys) || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    show(keys[event.key]());
  });
}

function film(samples) {
  const large = samples.querySelector("img"), when = samples.querySelector(".when");
  const frames = samples.querySelectorAll(".film button");
  for (const strip of samples.querySelectorAll(".film")) strip.scrollLeft = strip.scrollWidth;
  for (const frame of frames) {
    frame.addEventListener("click", () => {
      for (const other of frames) other.removeAttribute("aria-current");
      frame.setAttribute("aria-current", "true");
      const image = frame.querySelector("img");
      large.src = image.src;
      large.alt = image.alt;
      when.textContent = frame.querySelector("span").textContent;
    });
  }
}

function wire(part) {
  for (const plot of part.querySelectorAll(".plot:not(.still)")) readOuts(plot);
  for (const samples of part.querySelectorAll(".samples")) film(samples);
}

wire(document);

// Browsers that know no ::details-content print what is open.
let opened = [];
addEventListener("beforeprint", () => {
  opened = [...document.querySelectorAll("details:not([open])")];
  for (const fold of opened) fold.open = true;
});
addEventListener("afterprint", () => { for (const fold of opened) fold.open = false; });
