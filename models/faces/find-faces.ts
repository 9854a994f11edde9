/** A face, in fractions of the picture that the network saw. */
export interface Face {
  confidence: number;
  x: number;
  y: number;
  width: number;
  height: number;
}

/** What the network says of one grid: a score and 16 numbers for each guess, `guesses` of them in each cell. */
export interface Grid {
  scores: Float32Array;
  boxes: Float32Array;
  /** Cells along a side. */
  cells: number;
  guesses: number;
}

/** Guesses of which the network is less sure are mostly no face. */
const LEAST_CONFIDENCE = 0.7;
/** Two boxes that share more of their area are one face. */
const SAME = 0.3;
/** Numbers of a guess: the middle and the size of its box, then six points of the face. */
const NUMBERS = 16;

/** Faces, the surest first. @param side px of the network's picture, in which its boxes are */
export function findFaces(grids: readonly Grid[], side: number): Face[] {
  const guesses = grids.flatMap(({ scores, boxes, cells, guesses: each }) =>
    [...scores].flatMap((score, index): Face[] => {
      const confidence = 1 / (1 + Math.exp(-score));
      if (!(confidence >= LEAST_CONFIDENCE)) return [];
      const cell = Math.floor(index / each);
      const [x = 0, y = 0, width = 0, height = 0] = boxes.subarray(index * NUMBERS, index * NUMBERS + 4);
      const middle = {
        x: ((cell % cells) + 0.5) / cells + x / side,
        y: (Math.floor(cell / cells) + 0.5) / cells + y / side,
      };
      const size = { width: Math.abs(width) / side, height: Math.abs(height) / side };
      return [{ confidence, x: middle.x - size.width / 2, y: middle.y - size.height / 2, ...size }];
    }),
  );
  guesses.sort((a, b) => b.confidence - a.confidence);
  const faces: Face[] = [];
  for (const guess of guesses) if (faces.every((face) => shared(face, guess) <= SAME)) faces.push(guess);
  return faces;
}

/** Of the area of two boxes together, the share that both have. */
function shared(a: Face, b: Face): number {
  const along = (from: number, length: number, other: number, otherLength: number): number =>
    Math.max(0, Math.min(from + length, other + otherLength) - Math.max(from, other));
  const both = along(a.x, a.width, b.x, b.width) * along(a.y, a.height, b.y, b.height);
  return both / (a.width * a.height + b.width * b.height - both);
}
