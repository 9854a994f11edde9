/** What goes into a child process of the image pool and what comes back: paths in, results out, never bytes. */
import type { FacesFound } from '../../common/analysis';
import type { Placeholder } from '../../common/contracts';
import type { ImagePreset } from '../presets/schema';
import type { Reached } from './encode';
import type { DrawnFormat, ImageFormat } from '../formats';

export interface ImageLimits {
  /** px, all frames of an animation together. */
  maxPixels: number;
  /** Frames of an animation. */
  maxFrames: number;
}

/** A file of a format that sharp does not read, as one that sharp reads. */
export interface Converted {
  input: Buffer;
  warnings: string[];
}

export interface ImageTask {
  /** Path of the source file. */
  input: string;
  /** Existing folder of the task's own; renditions land in it as `<name>.<extension>`. */
  outputDir: string;
  preset: ImagePreset;
  limits: ImageLimits;
  /** Faces that a model has found, px of the upright source. */
  faces?: FacesFound['boxes'];
  /** Paths of the pictures that renditions bear, by the `source` that their `watermark` names. */
  watermarks?: Record<string, string>;
  /** Tell which part of each rendition shows; for formats with transparency. */
  bounds?: true;
  /** SVG is refused without this; with it, still refused when it refers to anything outside of itself. */
  allowSvg: boolean;
}

export interface ImageFile {
  /** Name of the rendition in the preset. */
  name: string;
  /** Absolute path inside `outputDir`. */
  file: string;
  format: ImageFormat;
  mime: string;
  /** px; of one frame, if animated. */
  width: number;
  height: number;
  bytes: number;
  /** Lower-case hex. */
  sha256: string;
  /** Frames of an animation; absent for a still. */
  frames?: number;
  /** What `maxBytes` or `target` came to. */
  reached?: Reached;
  /** px: what is not fully transparent, where the task asks for that; absent: nothing. */
  bounds?: { left: number; top: number; width: number; height: number };
  /** The picture of the source itself, without its metadata: encoding it again made no smaller file. */
  original?: true;
}

/** The drawn frames of a rendition that becomes a silent video or a moving AVIF. */
export interface Frames {
  /** Name of the rendition in the preset. */
  name: string;
  /** Absolute path inside `outputDir`: 16 free bytes, then all frames, 8 bits each of red, green and blue, no padding. */
  file: string;
  format: DrawnFormat;
  /** px of one frame; even numbers. */
  width: number;
  height: number;
  /** ms that each frame shows. */
  delays: number[];
}

export interface ImageSource {
  /** As sniffed, for example `jpeg`. */
  format: string;
  /** px, upright (EXIF orientation applied); of one frame, if animated. */
  width: number;
  height: number;
  /** Frames of an animation, pages of a TIFF, pictures of an AVIF; absent where there is one. */
  pages?: number;
}

/** What a manifest says of a picture at large. */
export interface Looks {
  placeholder: Placeholder;
  /** Absent for a plain picture. */
  perceptualHash?: string;
}

export interface ImageOutcome extends Looks {
  source: ImageSource;
  files: ImageFile[];
  /** Renditions that ffmpeg has to finish (`film`). */
  frames: Frames[];
  /** Sentences about what was left out or odd. */
  warnings: string[];
  /** ms: `decode`, `placeholder`, and each rendition by name. */
  timings: Record<string, number>;
  /** When each of those began, ms since the epoch. */
  startedAt: Record<string, number>;
}
