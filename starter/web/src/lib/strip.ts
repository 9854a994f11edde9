/** What may be said of a chunk, the most urgent first, and the letters that say so. */
const STATES = [
  { state: 'failed', letters: 'f', words: 'failed' },
  { state: 'again', letters: 'R', words: 'tried again' },
  { state: 'running', letters: 'r', words: 'running' },
  { state: 'waiting', letters: 'w', words: 'waiting' },
  { state: 'done', letters: 'dD', words: 'done' },
] as const;

export type ChunkState = (typeof STATES)[number]['state'];

const stateOf = (letter: string): ChunkState =>
  STATES.find(({ letters }) => letters.includes(letter))?.state ?? 'waiting';

/** More pieces than this are thinner than a pixel of a phone. */
const MOST_PIECES = 180;

/** A part of a strip: so many chunks beside each other that are alike, as a share of all, 0–1. */
export interface Piece {
  state: ChunkState;
  share: number;
}

/** The states of all chunks as pieces of a strip; where chunks share a piece, the most urgent one is seen. */
export function piecesOf(states: string): Piece[] {
  const size = Math.max(1, Math.ceil(states.length / MOST_PIECES));
  const pieces: Piece[] = [];
  for (let at = 0; at < states.length; at += size) {
    const part = [...states.slice(at, at + size)];
    const state = STATES.find(({ letters }) => part.some((letter) => letters.includes(letter)))?.state ?? 'waiting';
    const share = part.length / states.length;
    const last = pieces.at(-1);
    if (last?.state === state) last.share += share;
    else pieces.push({ state, share });
  }
  return pieces;
}

/** `120 of 400 chunks done, 4 running, 1 tried again, 275 waiting`; chunks that were done on a later attempt are named, too. */
export function wordsOf(states: string): string {
  const letters = [...states];
  const count = (state: ChunkState): number => letters.filter((letter) => stateOf(letter) === state).length;
  const later = letters.filter((letter) => letter === 'D').length;
  const parts = (['running', 'again', 'waiting', 'failed'] as const).flatMap((state) => {
    const number = count(state) + (state === 'again' ? later : 0);
    return number === 0 ? [] : [`${number} ${STATES.find((row) => row.state === state)?.words ?? state}`];
  });
  return [`${count('done')} of ${letters.length} chunks done`, ...parts].join(', ');
}
