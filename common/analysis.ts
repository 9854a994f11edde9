import type { Receipt } from './receipts';

/** A line of text in a picture. */
export interface TextLine {
  text: string;
  /** 0–1 */
  confidence: number;
  /**
   * Corners in px of the source, upright: where the text begins at its top, where it ends at its top, then below those two.
   * Of a video's poster: px of the poster.
   */
  box: [Corner, Corner, Corner, Corner];
}
type Corner = [x: number, y: number];

export interface TextFound {
  /** All lines as one sentence, cut after 500 characters: the `alt` of the picture. Empty where no text was found. */
  alt: string;
  /** In the order of reading. */
  lines: TextLine[];
  /** Further lines that were found. */
  omitted?: number;
}

/** Faces in a picture, the surest first. */
export interface FacesFound {
  /** px of the source, upright; of a video's poster: px of the poster. `confidence`: 0–1. */
  boxes: { confidence: number; x: number; y: number; width: number; height: number }[];
  /** Further faces that were found. */
  omitted?: number;
}

/** When somebody speaks in a sound. */
export interface SpeechFound {
  /** Of all ranges together. */
  seconds: number;
  /** Begin and end of each, in seconds of the source, to hundredths. */
  ranges: [begin: number, end: number][];
  /** Further ranges that were found. */
  omitted?: number;
}

/** What models found, by the name that `analyse` of a preset has for it. */
export interface Analysis {
  text?: TextFound;
  faces?: FacesFound;
  speech?: SpeechFound;
}

/** What one model found, and what that cost. */
export interface Analysed extends Analysis {
  /** By id. Absent in results of older workers. */
  receipts?: Record<string, Receipt>;
}

/** The analysis of one item, and sentences about what could not be analysed. */
export interface Findings {
  analysis?: Analysis;
  /** Of all models, by id. */
  receipts?: Record<string, Receipt>;
  warnings: string[];
}
