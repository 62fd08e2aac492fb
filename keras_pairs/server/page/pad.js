// A square to draw in: strokes by mouse, finger and pen, or one picture; undo; keys; drops.

import { paint, png } from "./ink.js";
import { read } from "./pictures.js";
import { write } from "./digits.js";

const HISTORY = 100;
// As a share of the side: nearer points of a stroke are left out.
const STEP = 0.004;
// As a share of a digit's longer side: between its ink and its frame.
const FRAME = 0.1;
// Milliseconds in which a digit is written.
const WRITING = 450;
const BLANK = { strokes: [], picture: null };
const still = matchMedia("(prefers-reduced-motion: reduce)");

export class Pad {
  // Counts what is not a stroke more: what was asked about an earlier sheet is worth nothing.
  sheet = 0;
  // Shares of the picture [top, left, bottom, right], to be framed.
  #boxes = [];
  #content = BLANK;
  #history = [];
  #pointer = null;
  #writing = 0;
  #canvas;
  #element;

  // `changed` is called without arguments, `refused` with why a file cannot be shown.
  constructor(element, { changed, refused, dropped }) {
    this.#element = element;
    this.#canvas = element.querySelector(".sheet");
    this.changed = changed;
    this.refused = refused;
    this.#listen(dropped);
    new ResizeObserver(() => this.#resize()).observe(this.#canvas);
    for (const query of ["(prefers-color-scheme: dark)", "(forced-colors: active)"]) {
      matchMedia(query).addEventListener("change", () => this.#draw());
    }
    this.#show();
  }

  get blank() {
    return !this.#content.picture && !this.#content.strokes.length;
  }

  get pictured() {
    return this.#content.picture !== null;
  }

  // Whether a stroke is not at its end yet.
  get busy() {
    return this.#pointer !== null || this.#writing !== 0;
  }

  // What is sent: Promise of a Blob.
  png() {
    return this.#content.picture?.png ?? png(this.#content.strokes);
  }

  frame(boxes) {
    this.#boxes = boxes;
    this.#draw();
  }

  clear() {
    if (!this.blank) this.#replace(BLANK);
  }

  undo() {
    if (this.#history.length) this.#replace(this.#history.pop(), false);
  }

  async open(file) {
    const sheet = ++this.sheet;
    let picture;
    try {
      picture = await read(file);
    } catch {
      if (sheet !== this.sheet) return;
      this.changed();
      const kept = this.blank ? "" : "; the square is as it was";
      this.refused(`not a picture that this browser reads${kept}`);
      return;
    }
    if (sheet === this.sheet) this.#replace({ strokes: [], picture });
  }

  // Writes a digit, as if by hand.
  write(digit) {
    const strokes = write(digit);
    const points = strokes.reduce((sum, stroke) => sum + stroke.length, 0);
    this.#replace({ strokes: still.matches ? strokes : [strokes[0].slice(0, 1)], picture: null });
    if (still.matches) return;
    const [begun, sheet] = [performance.now(), this.sheet];
    const step = (now) => {
      if (sheet !== this.sheet) return;
      const share = Math.min(1, Math.max(0, now - begun) / WRITING);
      this.#content = { strokes: firstPoints(strokes, 1 + share * points), picture: null };
      this.#writing = share < 1 ? requestAnimationFrame(step) : 0;
      this.#draw();
      this.changed();
    };
    this.#writing = requestAnimationFrame(step);
  }

  #replace(content, remember = true) {
    if (remember) this.#remember();
    cancelAnimationFrame(this.#writing);
    this.#writing = 0;
    this.#pointer = null;
    this.#boxes = [];
    this.#content = content;
    this.sheet++;
    this.#show();
    this.changed();
  }

  #remember() {
    this.#history.push(this.#content);
    if (this.#history.length > HISTORY) this.#history.shift();
  }

  #listen(dropped) {
    const canvas = this.#canvas;
    canvas.addEventListener("pointerdown", (event) => this.#begin(event));
    canvas.addEventListener("pointermove", (event) => this.#go(event));
    for (const end of ["pointerup", "pointercancel", "lostpointercapture"]) {
      canvas.addEventListener(end, (event) => {
        if (event.pointerId !== this.#pointer) return;
        this.#pointer = null;
        this.changed();
      });
    }
    canvas.addEventListener("keydown", (event) => this.#press(event));
    const over = (event, is) => {
      event.preventDefault();
      this.#element.classList.toggle("over", is);
    };
    this.#element.addEventListener("dragover", (event) => over(event, true));
    this.#element.addEventListener("dragleave", (event) => over(event, false));
    this.#element.addEventListener("drop", (event) => {
      over(event, false);
      event.stopPropagation();
      dropped(event.dataTransfer.files);
    });
    const click = (name, action) => {
      this.#element.querySelector(name).addEventListener("click", action);
    };
    click(".undo", () => this.undo());
    click(".clear", () => this.clear());
    for (const [button, input] of [[".open", ".file"], [".camera", ".photo"]]) {
      const chooser = this.#element.querySelector(input);
      click(button, () => chooser.click());
      chooser.addEventListener("change", () => {
        if (chooser.files.length) this.open(chooser.files[0]);
        // So that the same file can be chosen again.
        chooser.value = "";
      });
    }
  }

  #begin(event) {
    // One stroke at a time: a palm beside the pen draws nothing.
    if (event.button !== 0 || this.#pointer !== null) return;
    if (this.#writing) this.#replace(BLANK, false);
    if (this.pictured) this.#replace(BLANK);
    else this.#remember();
    this.#pointer = event.pointerId;
    this.#canvas.setPointerCapture(event.pointerId);
    const strokes = [...this.#content.strokes, [this.#point(event)]];
    this.#content = { strokes, picture: null };
    this.#show();
    this.changed();
  }

  #go(event) {
    if (event.pointerId !== this.#pointer) return;
    const stroke = this.#content.strokes.at(-1);
    const events = event.getCoalescedEvents?.() ?? [];
    for (const each of events.length ? events : [event]) {
      const point = this.#point(each);
      const last = stroke.at(-1);
      if (Math.hypot(point.x - last.x, point.y - last.y) >= STEP) stroke.push(point);
    }
    this.#draw();
    this.changed();
  }

  #point(event) {
    const { left, top, width, height } = this.#canvas.getBoundingClientRect();
    const pressure = event.pointerType === "pen" && event.pressure ? event.pressure : 0.5;
    return {
      x: (event.clientX - left) / width,
      y: (event.clientY - top) / height,
      width: 0.6 + 0.8 * pressure,
    };
  }

  #press(event) {
    const command = event.ctrlKey || event.metaKey;
    if (event.altKey) return;
    if (command && event.key === "z") this.undo();
    else if (command) return;
    else if (/^[0-9]$/.test(event.key)) {
      // A key that is held writes one digit.
      if (!event.repeat) this.write(Number(event.key));
    }
    else if (event.key === "Backspace") this.undo();
    else if (event.key === "Delete") this.clear();
    else return;
    event.preventDefault();
  }

  #resize() {
    const side = Math.round(this.#canvas.clientWidth * devicePixelRatio);
    if (!side || side === this.#canvas.width) return;
    this.#canvas.width = this.#canvas.height = side;
    this.#draw();
  }

  #show() {
    this.#element.classList.toggle("blank", this.blank);
    this.#allow(".undo", this.#history.length > 0);
    this.#allow(".clear", !this.blank);
    this.#draw();
  }

  #allow(name, is) {
    const button = this.#element.querySelector(name);
    // A button that is disabled loses the keyboard.
    if (!is && button === document.activeElement) this.#canvas.focus();
    button.disabled = !is;
  }

  #draw() {
    const context = this.#canvas.getContext("2d");
    const side = this.#canvas.width;
    const style = getComputedStyle(this.#canvas);
    context.clearRect(0, 0, side, side);
    const { strokes, picture } = this.#content;
    let [x, y, width, height] = [0, 0, side, side];
    if (picture) {
      const scale = side / Math.max(picture.canvas.width, picture.canvas.height);
      width = picture.canvas.width * scale;
      height = picture.canvas.height * scale;
      [x, y] = [(side - width) / 2, (side - height) / 2];
      // What is transparent lies on paper.
      context.fillStyle = "#fff";
      context.fillRect(x, y, width, height);
      context.imageSmoothingEnabled = scale < 4;
      context.drawImage(picture.canvas, x, y, width, height);
    }
    paint(context, side, strokes, style.color);
    context.strokeStyle = style.getPropertyValue("--accent");
    context.lineWidth = Math.max(2, side / 160);
    for (const [top, left, bottom, right] of this.#boxes) {
      const [wide, high] = [(right - left) * width, (bottom - top) * height];
      const margin = FRAME * Math.max(wide, high) + context.lineWidth;
      context.strokeRect(
        x + left * width - margin, y + top * height - margin, wide + 2 * margin, high + 2 * margin,
      );
    }
  }
}

function firstPoints(strokes, count) {
  const shown = [];
  for (const stroke of strokes) {
    if (count < 1) break;
    shown.push(stroke.slice(0, count));
    count -= stroke.length;
  }
  return shown;
}
