// What the page says: the 28×28 pixels, bars, the verdict, and all sentences.

// Less sure than this, the answer is "not sure", and a digit has a question mark.
const SURE = 0.9;
const SURE_DIGIT = 0.5;
const SIDE = 28;
const ORDER = ["First", "Second"];

// Of what `prepare` says about a picture; "" where it shows one digit.
export function problem(seen) {
  if (seen.count === 0) return "no digit found";
  if (seen.count > 1) return `${seen.count} digits found: one at a time`;
  return "";
}

// {relation, probability, sure, sentence} of what `images` says about a pair. A model that
// learned no digits, or does not answer them, names none.
export function verdict(answer, readsDigits) {
  const yes = answer.comparison[0];
  const right = yes >= 0.5;
  const probability = right ? yes : 1 - yes;
  const reads = readsDigits && answer.first_digit && answer.second_digit;
  const [one, other] = reads
    ? [marked(answer.first_digit), marked(answer.second_digit)]
    : ORDER.map((name) => name.toLowerCase());
  const sure = probability >= SURE;
  let sentence = `${one} ≤ ${other}: `;
  if (sure) sentence += `${right ? "yes" : "no"}, ${percent(probability)}`;
  else sentence += `not sure, ${percent(probability)} for ${right ? "yes" : "no"}`;
  if (reads && top(answer.first_digit) <= top(answer.second_digit) !== right) sentence += `, although it reads ${one} and ${other}`;
  return { relation: right ? "at-most" : "greater", probability, sure, sentence };
}

// What is missing for an answer, of two pads' {blank, note}.
export function missing(pads) {
  const blank = pads.filter((pad) => pad.blank).length;
  const wrong = pads.findIndex((pad) => !pad.blank && pad.note);
  if (wrong >= 0) return `${ORDER[wrong]} square: ${pads[wrong].note}.`;
  if (blank === 2) return "Draw a digit in each square.";
  if (blank === 1) return `Now the ${ORDER[pads.findIndex((pad) => pad.blank)].toLowerCase()} one.`;
  return "";
}

// Nothing is certain, so never 100 %.
export function percent(share) {
  return `${Math.min(99.9, 100 * share).toFixed(1)}\u00a0%`;
}

// "3, 98.1 %" of class probabilities, or "3?, 41.0 %".
export function best(shares) {
  return `${marked(shares)}, ${percent(shares[top(shares)])}`;
}

function marked(shares) {
  const digit = top(shares);
  return shares[digit] < SURE_DIGIT ? `${digit}?` : `${digit}`;
}

function top(shares) {
  return shares.indexOf(Math.max(...shares));
}

// The pixels [28, 28] as the network sees them, or null.
export function showPixels(canvas, image, text) {
  const context = canvas.getContext("2d");
  context.clearRect(0, 0, SIDE, SIDE);
  canvas.classList.toggle("empty", !image);
  canvas.setAttribute("aria-label", text);
  if (!image) return;
  const pixels = context.createImageData(SIDE, SIDE);
  image.flat().forEach((value, i) => pixels.data.set([value, value, value, 255], 4 * i));
  context.putImageData(pixels, 0, 0);
}

export function makeBars(element) {
  for (let digit = 0; digit < 10; digit++) {
    const bar = element.appendChild(document.createElement("div"));
    bar.className = "bar";
    const track = bar.appendChild(document.createElement("span"));
    track.className = "track";
    track.appendChild(document.createElement("span")).className = "share";
    const label = bar.appendChild(document.createElement("span"));
    label.className = "digit";
    label.textContent = digit;
  }
}

// The class probabilities [10], or null.
export function showBars(element, shares, name) {
  const best = shares && top(shares);
  [...element.children].forEach((bar, digit) => {
    bar.style.setProperty("--share", shares ? shares[digit] : 0);
    bar.classList.toggle("best", digit === best);
  });
  const ranked = shares ? [...shares.keys()].sort((a, b) => shares[b] - shares[a]) : [];
  const named = ranked.filter((digit, i) => i === 0 || shares[digit] >= 0.01).slice(0, 3);
  const texts = named.map((digit) => `${digit}: ${percent(shares[digit])}`);
  element.setAttribute("aria-label", `${name}: ${texts.join(", ") || "not read yet"}`);
}
