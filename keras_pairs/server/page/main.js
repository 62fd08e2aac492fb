// Two pads, and what the model says of them while they change.

import { Pad } from "./pad.js";
import { base64 } from "./pictures.js";
import { Latest, Refused, findModel } from "./server.js";
import * as showing from "./showing.js";

// Milliseconds of quiet after which a screen reader is told.
const QUIET = 700;

const byId = (id) => document.getElementById(id);
let asking = null;
let readsDigits = true;

const sides = ["first", "second"].map((id, index) => {
  const element = byId(id);
  element.append(byId("square").content.cloneNode(true));
  const name = element.getAttribute("aria-label");
  element.querySelector("h2").textContent = name;
  element.querySelector(".sheet").setAttribute("aria-label", name);
  element.querySelector(".tools").setAttribute("aria-label", `${name}: tools`);
  showing.makeBars(element.querySelector(".bars"));
  // `seen` is what `prepare` says of the pad, `digits` the class probabilities `of` a `seen`.
  const side = { name, element, seen: null, digits: null, of: null, note: "", complaint: "" };
  side.latest = new Latest(() => prepare(side), report);
  side.pad = new Pad(element, {
    changed: () => changed(side),
    refused: (why) => {
      side.complaint = why;
      show();
    },
    dropped: (files) => open(files, index),
  });
  element.addEventListener("focusin", () => (active = index));
  return side;
});
const pair = new Latest(compare, report);

// The model that is served; looked for again where nobody told.
function model() {
  asking ??= findModel().then(
    (found) => {
      readsDigits = found.readsDigits;
      show();
      return found;
    },
    (error) => {
      asking = null;
      throw error;
    },
  );
  return asking;
}

let active = 0;
let answer = null;
let telling = 0;

function changed(side) {
  side.complaint = "";
  if (side.pad.blank) forget(side, "");
  else side.latest.want();
  show();
}

// Takes back what was said of a pad.
function forget(side, note) {
  Object.assign(side, { seen: null, digits: null, of: null, note });
  side.pad.frame([]);
  answer = null;
  pair.want();
  show();
}

async function prepare(side) {
  const { pad } = side;
  if (pad.blank) return;
  const sheet = pad.sheet;
  const png_bytes = { b64: await base64(await pad.png()) };
  let seen;
  try {
    [seen] = await (await model()).predict("prepare", [{ png_bytes }]);
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    if (sheet === pad.sheet) forget(side, error.message);
    return;
  }
  // Of a sheet that is gone. The new one's turn comes next.
  if (sheet !== pad.sheet) return;
  const note = showing.problem(seen);
  // Half a digit is none, and both parts of a 4 are two until they meet.
  if (note && pad.busy) return;
  if (note) forget(side, note);
  Object.assign(side, { seen, note });
  pad.frame(pad.pictured || seen.count > 1 ? seen.boxes.slice(0, seen.count) : []);
  pair.want();
  show();
}

async function compare() {
  const ready = sides.filter((side) => side.seen?.count === 1);
  if (!ready.length || (ready.length === 1 && ready[0].of === ready[0].seen)) return;
  const asked = ready.map((side) => side.seen);
  const sheets = sides.map((side) => side.pad.sheet);
  // A digit that is alone is compared with itself: its classes are known then.
  const images = sides.map((side) => (ready.includes(side) ? side : ready[0]).seen.image);
  const [row] = await (await model()).predict("images", [{ images }]);
  // A single output comes without its name.
  const given = Array.isArray(row) ? { comparison: row } : row;
  // The pads may have gone on meanwhile, but not to another sheet.
  const fresh = (side) => side.seen?.count === 1 && side.pad.sheet === sheets[sides.indexOf(side)];
  if (!ready.every(fresh)) return;
  const digits = [given.first_digit, given.second_digit];
  ready.forEach((side, i) => {
    side.digits = digits[sides.indexOf(side)];
    side.of = asked[i];
  });
  answer = ready.length === 2 ? showing.verdict(given, readsDigits) : null;
  show();
}

function show() {
  for (const { name, element, seen, digits, note, complaint } of sides) {
    const read = digits && readsDigits ? `read as ${showing.best(digits)}` : "";
    say(element.querySelector(".note"), complaint || note || read);
    element.classList.toggle("wrong", complaint !== "" || note !== "");
    const image = seen?.count ? seen.image : null;
    const sees = image ? "what the network sees" : "the network sees nothing";
    showing.showPixels(element.querySelector(".seen"), image, `${name}: ${sees}`);
    showing.showBars(element.querySelector(".bars"), readsDigits ? digits : null, name);
    element.querySelector(".bars").hidden = !readsDigits;
    element.querySelector(".untaught").hidden = readsDigits;
  }
  const told = sides.map(({ pad, note }) => ({ blank: pad.blank, note }));
  const sentence = answer ? answer.sentence : showing.missing(told);
  byId("verdict").dataset.relation = answer?.relation ?? "none";
  byId("verdict").classList.toggle("unsure", answer !== null && !answer.sure);
  say(byId("probability"), answer ? showing.percent(answer.probability) : "");
  // Empty for a moment only, until the server answers; if it is gone, for longer.
  const waiting = byId("stage").classList.contains("waiting");
  if (sentence || waiting) say(byId("sentence"), sentence);
  clearTimeout(telling);
  telling = setTimeout(tell, QUIET);
}

function tell() {
  const complaints = sides.filter((side) => side.complaint);
  const texts = complaints.map((side) => `${side.name}: ${side.complaint}.`);
  say(byId("spoken"), [...texts, byId("sentence").textContent].join(" "));
}

// The same text again would be read out again.
function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function report(trouble) {
  say(byId("trouble"), trouble);
  byId("stage").classList.toggle("waiting", trouble !== "");
  if (trouble) show();
}

function open(files, index) {
  [...files].slice(0, 2).forEach((file, i) => sides[(index + i) % 2].pad.open(file));
}

// Where a picture goes that was given to none of the pads.
function target() {
  if (sides[active].element.contains(document.activeElement)) return active;
  const blank = sides.findIndex((side) => side.pad.blank);
  return blank >= 0 ? blank : active;
}

document.addEventListener("paste", (event) => {
  if (!event.clipboardData.files.length) return;
  event.preventDefault();
  open(event.clipboardData.files, target());
});
document.addEventListener("dragover", (event) => event.preventDefault());
document.addEventListener("drop", (event) => {
  event.preventDefault();
  open(event.dataTransfer.files, target());
});
byId("random").addEventListener("click", () => {
  for (const { pad } of sides) pad.write(Math.floor(10 * Math.random()));
});
byId("both").addEventListener("click", () => {
  for (const { pad } of sides) pad.clear();
});
show();
// Where nobody answers, the first drawing asks again.
model().catch(() => {});
