import type { Out } from './view';

export type Paint = (text: string) => string;

export interface Colours {
  bold: Paint;
  dim: Paint;
  red: Paint;
  green: Paint;
}

/** Colours for a terminal; none for a pipe, or where NO_COLOR (no-color.org) says so. */
export function coloursFor(out: Out, noColour: boolean): Colours {
  const paint =
    (open: number, close: number): Paint =>
    (text) =>
      out.isTTY && !noColour ? `\x1b[${open}m${text}\x1b[${close}m` : text;
  return { bold: paint(1, 22), dim: paint(2, 22), red: paint(31, 39), green: paint(32, 39) };
}
