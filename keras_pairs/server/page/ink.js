// Strokes: how they look on the page, and the picture of them that is sent.
//
// A stroke is a list of points {x, y, width}: x and y as shares of the pad's side, width as
// a factor of the pen's.

// As shares of the pad's side. MNIST's pens are about as wide beside its digits.
const PEN = 0.06;
// Pixels a side of the picture that is sent.
const SIDE = 256;

export function paint(context, side, strokes, colour) {
  context.lineCap = context.lineJoin = "round";
  context.strokeStyle = context.fillStyle = colour;
  for (const stroke of strokes) {
    if (stroke.length === 1) dot(context, side, stroke[0]);
    else line(context, side, stroke);
  }
}

function dot(context, side, { x, y, width }) {
  context.beginPath();
  context.arc(x * side, y * side, (PEN * side * width) / 2, 0, 2 * Math.PI);
  context.fill();
}

// Curves from the middle of one step to the middle of the next: no corner shows.
function line(context, side, stroke) {
  let from = stroke[0];
  let width = null;
  for (let i = 1; i < stroke.length; i++) {
    const turn = stroke[i];
    const next = stroke[i + 1];
    const to = next ? { x: (turn.x + next.x) / 2, y: (turn.y + next.y) / 2 } : turn;
    if (turn.width !== width) {
      if (width !== null) context.stroke();
      width = turn.width;
      context.lineWidth = PEN * side * width;
      context.beginPath();
      context.moveTo(from.x * side, from.y * side);
    }
    context.quadraticCurveTo(turn.x * side, turn.y * side, to.x * side, to.y * side);
    from = to;
  }
  context.stroke();
}

// A PNG file, black on white whatever the page's colours are.
export function png(strokes) {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = SIDE;
  const context = canvas.getContext("2d");
  context.fillStyle = "#fff";
  context.fillRect(0, 0, SIDE, SIDE);
  paint(context, SIDE, strokes, "#000");
  return encode(canvas);
}

export function encode(canvas) {
  return new Promise((resolve, reject) => {
    canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error("no PNG"))), "image/png");
  });
}
