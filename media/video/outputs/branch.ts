import type { Output } from '../ffmpeg/bounds';
import type { BranchId, MediaProbe, StepInput, VideoFile, VideoStream } from '../types';

/**
 * One kind of output as the composer sees it: what it takes of the source, what it has ffmpeg write, and how the result
 * is checked. A branch knows nothing of the other branches of a run.
 */
export interface Branch {
  id: BranchId;
  /** Names of the finished files, in the output folder. */
  names: string[];
  /** Names of what it needs for its check only. */
  temporary?: string[];
  /** What it takes of the decoded pictures. */
  pictures?: Pictures;
  films?: Film[];
  outputs?: PlainOutput[];
  /** For the bounds of the run. */
  makes: Output;
  /**
   * Checks what ffmpeg wrote, and completes it.
   * @returns the files, in the order of `names`
   * @throws DarkroomError CorruptMedia or EncoderFailed
   */
  finish(made: Made): Promise<VideoFile[]>;
}

export interface Pictures {
  /** Every picture, and so a sign that all of them can be decoded; or only some. */
  every: boolean;
  /** What it makes of every picture, px, and the rate that it lowers the source to. */
  size?: { width: number; height: number };
  fps?: string;
  /** HDR stays so. */
  hdr?: boolean;
  /**
   * Filters from the upright, deinterlaced pictures to pads of the branch's own, without the pad they come from.
   * @param video the source, or what is left to do of it: a shared filter may have turned it into SDR already
   */
  chain(video: VideoStream): string;
}

/** An MP4: a picture, a sound, or both. */
export interface Film {
  name: string;
  picture?: {
    /** A pad of the branch's chain, or a stream of the source. */
    from: string;
    /** Options of this one stream: names without dash, and values, in turn. `threads`: most that its encoder may start. */
    options: (threads: number) => string[];
    /** It is copied, so nothing of the run decodes it for this film. */
    coded?: boolean;
  };
  sound?: SoundPlan;
}

/** Sound of a film. Films of a run that want the same share one encoder. */
export interface SoundPlan {
  kbps: number;
  /** Silence where the sound begins later than the picture, or has gaps: it then begins at zero, as HLS needs it. */
  fromZero: boolean;
  /** Number of the stream; absent: that of the probe's one sound. */
  index?: number;
  /** Absent: 2. */
  channels?: 2 | 6;
}

/** Anything else that ffmpeg writes. */
export interface PlainOutput {
  /** With one `%d` where ffmpeg numbers the files. */
  name: string;
  options: string[];
}

export interface Made {
  step: StepInput;
  /** Where the file of this name lies until it is finished. */
  partOf: (name: string) => string;
  /** Where the finished file of this name will lie, with its size and hash, read once. */
  measure: (name: string) => Promise<{ file: string; bytes: number; sha256: string }>;
}

/** Seconds that the pictures should have. */
export function pictureSeconds(probe: MediaProbe): number {
  return probe.video.durationSeconds ?? probe.durationSeconds;
}
