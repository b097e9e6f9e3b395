/** The page: a walk from sample to sample, the samples, the controls and what is measured. */
import { between, latent } from "./latents.js";
import { Generator, patched } from "./runtime.js";

const SAMPLES = 36;
const ALL = -1; // in place of a label: samples of every class
const MOST_CHIPS = 16; // classes beyond which a list takes less room
const BUDGET = 7; // milliseconds of a frame for samples that are not drawn yet
const FLIGHT = 0.7; // seconds to a sample that was chosen
const EVERY = 400; // milliseconds between figures
const SIDE = 336; // pixels of the large picture's longer side, at least; browsers do the rest
const SAVED = 1024; // of a saved one's
// Where two samples are of different classes, the pictures of both classes are laid over each other
// in the middle of the way: a class is a number that has no half.
const FADE = [0.35, 0.65];

const of = (id) => document.getElementById(id);
const about = JSON.parse(of("about").textContent);
const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;

const state = {
  seed: Number(of("seed").value),
  speed: Number(of("speed").value),
  label: ALL,
  playing: !calm,
  position: 0, // on the way through the samples: 2.5 is half-way from the third to the fourth
  flight: null, // the way to a sample that was chosen
  changed: true,
};
const tiles = [];
const spent = { milliseconds: 0, images: 0, frames: 0, since: 0 };
let generator;
let small; // the large picture as the generator draws it
let large; // and on the page
let pixels; // of the picture that is drawn now
let point; // the latent of the large picture
let label; // its class

// ---- drawing

/** A gzipped part of this file. */
async function part(id) {
  const text = atob(of(id).textContent);
  const bytes = Uint8Array.from(text, (letter) => letter.charCodeAt(0));
  const whole = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(whole).arrayBuffer());
}

/** The module with relaxed multiply-adds where the browser has them: a tenth faster. */
async function runtime() {
  const plain = await part("runtime");
  const edits = JSON.parse(new TextDecoder().decode(await part("relaxed")));
  const relaxed = patched(plain, edits);
  return WebAssembly.validate(relaxed) ? relaxed : plain;
}

function draw(point, label) {
  const begin = performance.now();
  const image = generator.draw(point, Math.max(label, 0));
  spent.milliseconds += performance.now() - begin;
  spent.images += 1;
  return image;
}

/** An image as the bytes of a canvas; laid over what is there by its share. */
function paint(image, data, share = 1) {
  const size = image.length / generator.channels;
  const second = generator.channels === 3 ? size : 0;
  for (let i = 0; i < size; i++) {
    for (let c = 0; c < 3; c++) {
      const level = Math.max(-1, Math.min(1, image[i + c * second])) * 127.5 + 127.5;
      data[4 * i + c] = share === 1 ? level : (1 - share) * data[4 * i + c] + share * level;
    }
    data[4 * i + 3] = 255;
  }
}

function pictureOf(canvas) {
  canvas.width = generator.width;
  canvas.height = generator.height;
  return canvas.getContext("2d");
}

function drawTile(tile) {
  tile.label = state.label === ALL ? tile.ownLabel : state.label;
  tile.latent = latent(state.seed, tile.number, generator.latentDim);
  paint(draw(tile.latent, tile.label), pixels.data);
  tile.context.putImageData(pixels, 0, 0);
  tile.drawn = true;
  tile.button.setAttribute("aria-label", `Sample ${tile.number + 1}${named(tile.label, ": ")}`);
}

/** Where the large picture is: on the way from one point to another, and how far. */
function leg() {
  const number = Math.floor(state.position);
  const [before, after] = [tiles[number % SAMPLES], tiles[(number + 1) % SAMPLES]];
  for (const tile of [before, after, state.flight?.to]) if (tile && !tile.drawn) drawTile(tile);
  return state.flight ?? { from: before, to: after, way: state.position - number };
}

function drawLarge() {
  const { from, to, way } = leg();
  const share = way * way * (3 - 2 * way); // slower where the samples are
  point = between(from.latent, to.latent, share);
  const faded = (share - FADE[0]) / (FADE[1] - FADE[0]);
  const over = from.label === to.label ? 0 : Math.max(0, Math.min(1, faded));
  if (over < 1) paint(draw(point, from.label), pixels.data);
  if (over > 0) paint(draw(point, to.label), pixels.data, over);
  small.putImageData(pixels, 0, 0);
  show(large);
  label = over > 0.5 ? to.label : from.label;
  if (of("caption").textContent !== named(label)) {
    of("caption").textContent = named(label);
    of("large").setAttribute("aria-label", `A generated picture${named(label, ": ")}`);
  }
  const near = way < 0.5 && !state.flight ? from : to;
  for (const tile of tiles) tile.button.classList.toggle("near", tile === near);
}


/** The name of a class, or its number; nothing without classes. */
function named(label, before = "") {
  if (!generator.classes) return "";
  return before + (about.class_names[label] ?? `Class ${label}`);
}

// ---- frames

let waiting = false;
let last = null;

/** Has the next frame drawn; while nothing moves and nothing is left to draw there are none. */
function wake() {
  if (!waiting) {
    waiting = true;
    requestAnimationFrame(frame);
  }
}

function frame(now) {
  waiting = false;
  const passed = last === null ? 0 : Math.min(now - last, 100) / 1000;
  last = now;
  if (state.flight) fly(passed);
  else if (state.playing) move(passed * state.speed);
  const begin = performance.now();
  if (state.changed) drawLarge();
  state.changed = false;
  for (const tile of tiles) {
    if (performance.now() - begin > BUDGET) break;
    if (!tile.drawn) drawTile(tile);
  }
  measure(now);
  if (moves() || tiles.some((tile) => !tile.drawn)) wake();
  else last = null;
}

function moves() {
  return state.flight !== null || (state.playing && state.speed > 0);
}

function move(by) {
  state.position = (((state.position + by) % SAMPLES) + SAMPLES) % SAMPLES;
  state.changed = true;
  wake();
}

function fly(passed) {
  state.flight.way += passed / FLIGHT;
  state.changed = true;
  if (state.flight.way < 1 && !calm) return;
  state.position = state.flight.to.number;
  state.flight = null;
}

function measure(now) {
  spent.frames += 1;
  if (spent.since === 0 || now - spent.since > 3 * EVERY) restart(now);
  if (now - spent.since < EVERY) return;
  const each = spent.milliseconds / spent.images;
  if (spent.images) of("milliseconds").textContent = each < 10 ? each.toFixed(2) : each.toFixed(0);
  if (moves()) {
    of("frames").textContent = ((1000 * spent.frames) / (now - spent.since)).toFixed(0);
  }
  restart(now);
}

function restart(now) {
  Object.assign(spent, { milliseconds: 0, images: 0, frames: 0, since: now });
}

// ---- controls

function redraw() {
  for (const tile of tiles) tile.drawn = false;
  state.changed = true;
  wake();
}

function play(playing) {
  state.playing = playing;
  document.body.classList.toggle("playing", playing);
  of("play").lastElementChild.textContent = playing ? "Pause" : "Play";
  if (!playing) of("frames").textContent = "–";
  wake();
}

function seed(value) {
  state.seed = value;
  of("seed").value = value;
  of("seed-value").textContent = value;
  redraw();
}

function speed(value) {
  state.speed = value;
  of("speed-value").textContent = value ? `${value.toFixed(2)} / s` : "still";
  of("speed").setAttribute("aria-valuetext", `${value} samples a second`);
  wake();
}

function go(tile) {
  state.flight = { from: { latent: point, label }, to: tile, way: 0 };
  play(false);
  of("frame").scrollIntoView({ block: "nearest", behavior: calm ? "auto" : "smooth" });
}

/** A canvas that shows the large picture without the edges of its pixels. */
function enlarged(canvas, side) {
  const times = Math.ceil(side / Math.max(generator.width, generator.height));
  canvas.width = generator.width * times;
  canvas.height = generator.height * times;
  const context = canvas.getContext("2d");
  context.imageSmoothingQuality = "high";
  return context;
}

function show(context) {
  context.drawImage(small.canvas, 0, 0, context.canvas.width, context.canvas.height);
}

function save() {
  const saved = enlarged(document.createElement("canvas"), SAVED);
  show(saved);
  saved.canvas.toBlob((blob) => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = `${about.name}-${state.seed}-${state.position.toFixed(2)}.png`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  });
}

function makeTiles() {
  for (let number = 0; number < SAMPLES; number++) {
    const button = document.createElement("button");
    const canvas = document.createElement("canvas");
    const ownLabel = Math.floor((number * generator.classes) / SAMPLES);
    const tile = { number, button, ownLabel, context: pictureOf(canvas), drawn: false };
    button.type = "button";
    button.tabIndex = number ? -1 : 0; // one stop for the tab key; arrows lead on
    button.append(canvas);
    button.addEventListener("click", () => go(tile));
    button.addEventListener("keydown", (event) => lead(event, number));
    of("grid").append(button);
    tiles.push(tile);
  }
}

/** The arrow keys among the samples. */
function lead(event, number) {
  const columns = getComputedStyle(of("grid")).gridTemplateColumns.split(" ").length;
  const by = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns }[event.key];
  const next = tiles[number + by];
  if (!next) return;
  event.preventDefault();
  tiles[number].button.tabIndex = -1;
  next.button.tabIndex = 0;
  next.button.focus();
}

function makeClasses() {
  if (!generator.classes) return;
  of("classes").hidden = false;
  const labels = [ALL, ...Array(generator.classes).keys()];
  const name = (label) => (label === ALL ? "All" : named(label));
  const choose = (label) => {
    state.label = label;
    redraw();
  };
  if (generator.classes > MOST_CHIPS) {
    const list = document.createElement("select");
    list.setAttribute("aria-label", "Class");
    for (const label of labels) list.add(new Option(name(label), label));
    list.addEventListener("change", () => choose(Number(list.value)));
    of("classes").append(list);
    return;
  }
  const chips = document.createElement("div");
  chips.className = "chips";
  for (const label of labels) {
    const chip = document.createElement("label");
    const input = document.createElement("input");
    const text = document.createElement("span");
    Object.assign(input, { type: "radio", name: "class", value: label, checked: label === ALL });
    input.addEventListener("change", () => choose(label));
    text.textContent = name(label);
    chip.append(input, text);
    chips.append(chip);
  }
  of("classes").append(chips);
}

/** The large picture is dragged along the walk; where it is only touched it plays or pauses. */
function makeDrag() {
  const frameOf = of("frame");
  let held = null;
  frameOf.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    held = { x: event.clientX, moved: 0 };
    frameOf.setPointerCapture(event.pointerId);
    frameOf.classList.add("held");
  });
  frameOf.addEventListener("pointermove", (event) => {
    if (!held) return;
    const by = event.clientX - held.x;
    held = { x: event.clientX, moved: held.moved + Math.abs(by) };
    if (held.moved < 5) return;
    if (state.playing) play(false);
    state.flight = null;
    move((by / frameOf.clientWidth) * 2);
  });
  const release = (event) => {
    if (held && held.moved < 5 && event.type === "pointerup") play(!state.playing);
    held = null;
    frameOf.classList.remove("held");
  };
  frameOf.addEventListener("pointerup", release);
  frameOf.addEventListener("pointercancel", release);
}

function key(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.matches?.("select")) return; // letters look for a class by its name
  const own = event.target.closest?.("button, summary, input[type=radio]");
  const pressed = event.key.toLowerCase();
  if (pressed === " " && !own) play(!state.playing);
  else if (pressed === "n") another();
  else if (pressed === "s") save();
  else return;
  event.preventDefault();
}

function another() {
  seed((state.seed + 1 + Math.floor(Math.random() * 998)) % 1000);
}

// ---- the start

async function start() {
  const [code, file] = await Promise.all([runtime(), part("generator")]);
  generator = await Generator.open(code, file);
  small = pictureOf(document.createElement("canvas"));
  pixels = small.createImageData(generator.width, generator.height);
  large = enlarged(of("large"), SIDE);
  makeTiles();
  makeClasses();
  makeDrag();
  of("play").addEventListener("click", () => play(!state.playing));
  of("dice").addEventListener("click", another);
  of("save").addEventListener("click", save);
  of("seed").addEventListener("input", () => seed(Number(of("seed").value)));
  of("speed").addEventListener("input", () => speed(Number(of("speed").value)));
  document.addEventListener("keydown", key);
  seed(state.seed);
  speed(state.speed);
  play(state.playing);
  // For the console, and for whoever wants to measure or to compare.
  const drawAt = (position) => {
    state.position = position;
    drawLarge();
  };
  globalThis.sparsegan = { generator, state, tiles, picture: small.canvas, drawAt };
}

start().catch((error) => {
  const old = typeof DecompressionStream === "undefined" || error instanceof WebAssembly.CompileError;
  of("trouble").hidden = false;
  of("trouble").textContent = old
    ? "This browser is too old for this page: it needs one of 2023 or later."
    : `This page is damaged (${error.message}): ask for it again.`;
});
