import type { Rendition } from '../../common/contracts';
import type { Ladder } from '../../common/video-facts';
import type { CodecName, Speed } from './codecs';
import type { HdrMetadata, HdrPlan } from './hdr';

export type { HlsFile, HlsPackage } from './hls/types';

/** How the tools of this worker run. */
export interface FfmpegSettings {
  ffmpegPath: string;
  ffprobePath: string;
  /** Threads of one ffmpeg. */
  threads: number;
  /** ms without progress after which ffmpeg counts as hung. */
  stallMs: number;
  /** Bytes of address space for one ffmpeg or ffprobe. */
  maxMemory: number;
}

/** Colour as ffprobe names it; undefined where the file does not say. */
export interface VideoColour {
  range?: string;
  matrix?: string;
  primaries?: string;
  transfer?: string;
}

export interface VideoStream {
  /** Number of the stream in the file, for `-map 0:<index>`. */
  index: number;
  codec: string;
  /** The container's own name for the codec, for example `avc1`. */
  tag?: string;
  /** px as coded. */
  width: number;
  height: number;
  /** px as a person sees it: square pixels, upright. */
  displayWidth: number;
  displayHeight: number;
  /** Degrees clockwise that a player turns it by: 0, 90, 180 or 270. */
  rotation: number;
  /** Sample aspect ratio, for example `4:3`. */
  sar: string;
  /** Frames a second on average, as a fraction: `30000/1001`. */
  fps: string;
  /** Frames come when there is something new (screen recordings, phones, calls): `fps` is no grid then. */
  variableRate: boolean;
  pixFmt: string;
  interlaced: boolean;
  /** PQ or HLG. */
  hdr: boolean;
  /** Of HDR10, where the file has some. */
  hdrMetadata?: HdrMetadata;
  colour: VideoColour;
  durationSeconds?: number;
  /** kbit/s of this stream alone. */
  bitrateKbps?: number;
  /** As counted by the container, else estimated from duration and rate. */
  frames: number;
  framesEstimated: boolean;
}

export interface AudioStream {
  index: number;
  codec: string;
  channels: number;
  sampleRate: number;
  durationSeconds?: number;
  /** RFC 5646. */
  language?: string;
}

export interface CaptionStream {
  index: number;
  codec: string;
  /** RFC 5646. */
  language?: string;
  forced?: boolean;
  sdh?: boolean;
}

/** What a video file is. JSON: it travels from the probe to the other steps through workflow history. */
export interface MediaProbe {
  /** The sniffed type, for example `mp4` or `webm`. */
  format: string;
  /** Of the picture or the sound, whichever is longer. */
  durationSeconds: number;
  /** kbit/s of the whole file. */
  bitrateKbps?: number;
  video: VideoStream;
  audio?: AudioStream;
  /** Every sound, in the order of the file, where there is more than one. */
  sounds?: AudioStream[];
  /** Tracks of text, or of pictures of text. */
  captions?: CaptionStream[];
  /** How many streams of pictures, sound and subtitles there are. */
  streams: number;
  /** The clock jumps, as it does between recordings that were joined; ffmpeg goes on as if it did not. */
  joined?: boolean;
  /** Seconds at the beginning that cannot be decoded and are left out; the durations above are without them. */
  startsAt?: number;
  /** Only this part of the source is made into anything; durations and numbers of pictures are those of the part. */
  clip?: Clip;
}

/** A part of a source, in seconds of it. */
export interface Clip {
  start: number;
  seconds: number;
}

/** One MP4 to make, with every number settled. */
export interface RungPlan {
  name: string;
  /** Absent: H.264. */
  codec?: CodecName;
  /** px, even, square pixels, upright. */
  width: number;
  height: number;
  /** The source's own pictures are already what this rung wants: they are passed through, not encoded again. */
  copy?: boolean;
  /** The pictures stay HDR; absent: they are SDR. */
  hdr?: HdrPlan;
  /** Constant rate to lower the source to; absent: the source's own timing is kept. */
  fps?: string;
  /** Most frames between two keyframes: two seconds of them. */
  gop: number;
  /** For HLS: sound and picture begin at zero, at a steady rate, with a keyframe every `gop` frames and nowhere else. */
  fixedGop?: boolean;
  crf: number;
  /** kbit/s. */
  maxrate: number;
  bufsize: number;
  speed: Speed;
  /** kbit/s of AAC; absent: no sound. */
  audioBitrate?: number;
}

export interface PosterPlan {
  format: 'webp' | 'jpeg';
  width: number;
  height: number;
  /** 1–100 */
  quality: number;
  /** Seconds at which to look for a good picture, in this order. */
  candidates: number[];
}

export interface SpritePlan {
  /** Seconds that one tile stands for. */
  interval: number;
  tiles: number;
  columns: number;
  rows: number;
  sheets: number;
  /** px of one tile. */
  width: number;
  height: number;
  /** 1–100 */
  quality: number;
}

/** A short clip without sound that stands for the video: scenes of equal length, spread over it and joined by cuts. */
export interface PreviewPlan {
  /** Seconds at which the scenes begin, in order; they do not overlap. */
  starts: number[];
  /** Pictures of each scene. */
  frames: number;
  /** Steady rate of the MP4, and the lower one of the WebP, as fractions. */
  fps: string;
  webpFps: string;
  /** px, even. */
  width: number;
  height: number;
}

export interface HlsPlan {
  /** Length of a segment: a whole number of keyframe intervals, the same in every rung. */
  segmentSeconds: number;
  /** Also a manifest of DASH over the same segments. */
  dash?: boolean;
  /** Of the sound that the rungs have. */
  language?: string;
}

/** A sound of a stream beside the one that the rungs have: another language, or more channels. */
export interface SoundTrack {
  name: string;
  /** Number of the stream in the source. */
  index: number;
  channels: 2 | 6;
  kbps: number;
  language?: string;
}

export interface VideoPlan {
  rungs: RungPlan[];
  poster?: PosterPlan;
  preview?: PreviewPlan;
  sprite?: SpritePlan;
  hls?: HlsPlan;
  tracks?: SoundTrack[];
  /** LUFS that every sound is brought to. */
  loudness?: number;
  /** How like the source every encoded rung is to be. */
  quality?: { ssim: number };
  /** How the rungs were chosen, where the preset leaves that to samples. */
  ladder?: Ladder;
  /** Of a long video. */
  chunks?: ChunkPlan;
}

/** One thing that a run can make: an MP4 of the ladder, the sound at a bitrate (kbit/s), the poster, the preview, the sprite. */
export type BranchId = `rung:${string}` | `sound:${number}` | `track:${string}` | 'poster' | 'preview' | 'sprite';

/** A piece of a source, for videos that are encoded in pieces. The sound is never cut. */
export interface Range {
  /** Seconds from the beginning of the source; a whole number of frames of each rung. */
  start: number;
  /** Pictures of each rung, by its name: counted, since times do not meet at rates such as 29.97. Absent: to the end. */
  frames?: Record<string, number>;
  /** Seconds from which the source is decoded; absent: the keyframe before the start. */
  decodeFrom?: number;
}

/** Rungs that are encoded in pieces, all of them over one decode. */
export interface ChunkGroup {
  /** Their names. */
  rungs: string[];
  chunks: Chunk[];
  /** Estimated CPU seconds of one segment. */
  segmentCost: number;
}

export interface Chunk extends Range {
  /** Number of its first segment, from 0, how many there are, and seconds; the last one goes to the end, wherever that is. */
  segment: number;
  segments: number;
  end?: number;
}

/** How a long video is encoded in pieces. */
export interface ChunkPlan {
  /** Length of a segment: the same whole number of keyframe intervals in every rung. Chunks begin and end with segments. */
  segmentSeconds: number;
  /** Cheapest first. */
  groups: ChunkGroup[];
}

/** A watermark as drawn for pictures of one size: the part of a transparent picture that shows. */
export interface Mark {
  /** Name of the PNG in the output folder, letters, digits, dots and dashes; as large as the pictures. */
  file: string;
  /** px */
  left: number;
  top: number;
  width: number;
  height: number;
}

/** Absent: without a mark. */
export type Marks = Partial<Record<BranchId, Mark>>;

/** Paths of sound that is encoded already, by its bitrate (kbit/s). */
export type SoundFiles = Record<number, string>;

/** How far an ffmpeg has come. */
export interface FfmpegProgress {
  frames: number;
  outTimeSeconds: number;
  /** Times real time; 0 while not known. */
  speed: number;
  /** How often the output file was seen to change while no frames came. */
  outputChanges?: number;
}

/** A step's sign of life: how far its ffmpeg has come, or how many bytes of a file of its own it has read. */
export type StepProgress = FfmpegProgress | { step: 'hash' | 'read'; bytes: number };

/** What every step gets. */
export interface StepInput {
  /** Path of the source on this machine. */
  input: string;
  /** An existing folder for what the step makes. */
  outputDir: string;
  probe: MediaProbe;
  /** ms; nothing that is made gets longer, whatever the source turns out to be. */
  maxDuration: number;
  /** Watermarks on the pictures. */
  marks?: Marks;
  settings: FfmpegSettings;
  signal?: AbortSignal;
  onProgress?: (progress: StepProgress) => void;
}

/** A finished and checked file: a rendition without its published name. */
export interface VideoFile extends Omit<Rendition, 'path'> {
  /** Absolute path. */
  file: string;
}
