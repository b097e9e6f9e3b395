"use strict";
// Read-outs under the pointer, and the filmstrip: a frame clicked is shown large.

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

for (const plot of document.querySelectorAll(".plot:not(.still)")) {
  const series = JSON.parse(plot.querySelector("script").textContent)
    .filter((line) => line.steps.length);
  const right = Number(plot.dataset.right), across = plot.dataset.across;
  const rounded = (step) => step.toLocaleString("en", { maximumFractionDigits: 1 });
  const cursor = element("div", "cursor"), read = element("output", "read");
  cursor.hidden = read.hidden = true;
  plot.append(cursor, read);

  const show = (event) => {
    const box = plot.getBoundingClientRect();
    const share = Math.min(Math.max((event.clientX - box.left) / box.width, 0), 1);
    const found = series.map((line) => nearest(line.steps, share * right));
    const steps = series.map((line, index) => line.steps[found[index]]);
    const step = steps[nearestOf(steps, share * right)];
    read.replaceChildren(element("b", "", across + " " + rounded(step)));
    series.forEach((line, index) => {
      const row = element("span", "c" + line.color);
      const at = steps[index] === step ? "" : " (at " + rounded(steps[index]) + ")";
      row.append(element("i", "", line.name + at), element("em", "", line.values[found[index]]));
      read.append(row);
    });
    cursor.hidden = read.hidden = false;
    cursor.style.left = (100 * step) / right + "%";
    const roomRight = box.width * (1 - share) > read.offsetWidth + 16;
    read.style.left = roomRight ? (share * box.width + 12) + "px"
      : Math.max(share * box.width - read.offsetWidth - 12, -8) + "px";
  };
  plot.addEventListener("pointermove", show);
  plot.addEventListener("pointerdown", show);
  plot.addEventListener("pointerleave", () => { cursor.hidden = read.hidden = true; });
}

function nearestOf(steps, wanted) {
  let best = 0;
  steps.forEach((step, index) => {
    if (Math.abs(step - wanted) < Math.abs(steps[best] - wanted)) best = index;
  });
  return best;
}

for (const samples of document.querySelectorAll(".samples")) {
  const large = samples.querySelector("img"), when = samples.querySelector(".when");
  const frames = samples.querySelectorAll(".film button");
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
