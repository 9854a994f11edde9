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

/** What captions are. */
export interface CaptionTrack {
  /** RFC 5646; `und` where nobody says. */
  language: string;
  /** What speakers call the language. */
  label: string;
  /** Only what has to be read by everybody, such as signs and foreign words. */
  forced?: boolean;
  /** For the deaf and hard of hearing: sounds and speakers are described, too. */
  sdh?: boolean;
}
