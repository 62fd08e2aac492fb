// Digits as a hand writes them, a little different each time.

// Strokes within 100 × 100, x to the right and y down. A point given twice is a corner.
const STROKES = [
  [[52, 6, 28, 12, 17, 45, 24, 82, 48, 95, 72, 84, 81, 48, 72, 14, 50, 6]],
  [[56, 5, 52, 50, 49, 95]],
  [[20, 26, 34, 8, 62, 7, 74, 24, 64, 48, 40, 74, 17, 92, 17, 92, 48, 88, 84, 92]],
  [[20, 15, 44, 5, 70, 12, 72, 31, 42, 46, 42, 46, 74, 55, 80, 77, 54, 95, 18, 87]],
  [[28, 8, 18, 52, 18, 52, 48, 53, 84, 49], [67, 12, 63, 55, 61, 96]],
  [[30, 9, 25, 45, 25, 45, 54, 38, 78, 56, 74, 84, 46, 96, 17, 86], [30, 9, 55, 9, 80, 6]],
  [[66, 5, 36, 30, 19, 66, 30, 92, 57, 95, 75, 77, 64, 57, 40, 58, 22, 74]],
  [[16, 12, 48, 11, 82, 8, 82, 8, 60, 45, 43, 95]],
  [[72, 19, 49, 5, 27, 19, 37, 42, 63, 57, 75, 77, 54, 95, 27, 89, 23, 70, 44, 51, 68, 36, 73, 20]],
  [[73, 26, 53, 6, 28, 17, 25, 40, 46, 51, 69, 36, 74, 18, 74, 18, 72, 56, 62, 95]],
];
// Steps from one of these points to the next.
const STEPS = 8;

const within = (low, high) => low + (high - low) * Math.random();

// Strokes of a digit as `ink.js` has them.
export function write(digit) {
  const height = within(0.55, 0.68);
  const width = height * within(0.8, 1);
  const slant = within(-0.05, 0.2);
  const turn = within(-0.08, 0.08);
  const [x0, y0] = [within(0.46, 0.54), within(0.47, 0.53)];
  const place = ([x, y]) => {
    const down = (y / 100 - 0.5) * height;
    const across = (x / 100 - 0.5) * width - slant * down;
    return { x: x0 + across - turn * down, y: y0 + down + turn * across, width: 1 };
  };
  return STROKES[digit].map((numbers) => smooth(wobbled(numbers)).map(place));
}

function wobbled(numbers) {
  const points = [];
  for (let i = 0; i < numbers.length; i += 2) {
    const before = points.at(-1);
    const corner = i > 0 && numbers[i] === numbers[i - 2] && numbers[i + 1] === numbers[i - 1];
    points.push(corner ? before : [numbers[i] + within(-2, 2), numbers[i + 1] + within(-2, 2)]);
  }
  return points;
}

// Catmull and Rom's curve through the points.
function smooth(points) {
  const curve = [points[0]];
  for (let i = 1; i < points.length; i++) {
    const [b, c] = [points[i - 1], points[i]];
    if (b === c) continue;
    const [a, d] = [points[i - 2] ?? b, points[i + 1] ?? c];
    for (let step = 1; step <= STEPS; step++) {
      const t = step / STEPS;
      curve.push([0, 1].map((k) => between(a[k], b[k], c[k], d[k], t)));
    }
  }
  return curve;
}

function between(a, b, c, d, t) {
  const square = (2 * a - 5 * b + 4 * c - d) * t * t;
  const cube = (3 * b - a - 3 * c + d) * t * t * t;
  return (2 * b + (c - a) * t + square + cube) / 2;
}
