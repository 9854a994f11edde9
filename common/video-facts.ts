/** What a manifest says of the videos of an item. Types only: workflows import this file. */

/** How like the source the pictures of a video are: the SSIM of the luminance, 0–1, as a mean over all pictures. */
export interface Quality {
  target: number;
  ssim: number;
  /** Constant rate factor of the file; of one in chunks, the lowest. */
  crf: number;
  /** How often it was encoded; of one in chunks, the most. */
  tries: number;
  /** Of one in chunks: the SSIM of the worst of them, and how many were encoded again. */
  chunks?: { lowest: number; again: number };
}
