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

/** How the rungs of a video of a preset with `ladder: auto` were chosen. */
export interface Ladder {
  /** The SSIM that the factors were chosen for; absent where no sample could be decoded. */
  target?: number;
  /** Seconds of the video at which samples were taken. */
  samples: number[];
  /** Those that were chosen, with the SSIM and the kbit/s (of the pictures) that the samples let expect. */
  rungs: { name: string; width: number; height: number; crf: number; ssim: number; kbps: number }[];
  /** Those that bring nothing. */
  dropped: { name: string; why: string }[];
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
