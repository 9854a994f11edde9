/**
 * The types that cross a boundary: from a user to the starter, from the starter to a workflow, from a workflow to an
 * activity, and from Darkroom to whoever reads a manifest. Types and constants only: workflows import this file.
 */
import type { Analysis } from './analysis';
import type { PresetSections } from '../media/presets/schema';
import type { MediaKind } from './kinds';
import type { Playable } from './playable';
import type { Receipt } from './receipts';
import type { CaptionTrack, Ladder, Quality } from './video-facts';

/** 1 is served first, 5 last; 3 is the default. Needs a server started with `matching.enableFairness=true`, or `matching.useNewMatcher=true`. */
export type Priority = 1 | 2 | 3 | 4 | 5;
export const DEFAULT_PRIORITY: Priority = 3;

/** What a user asks for: one image, one video or one audio file. Every URI is `file:`, `s3://bucket/key` or (sources only) `https://`. */
export interface MediaJob {
  /** The caller's own id; makes submitting it twice one job. Default: made from `source`. */
  id?: string;
  /** Default: what the file's first bytes say where they can be read, else its name. */
  kind?: MediaKind;
  source: string;
  /** URI prefix; the item's files land in `<output>/<item key>/`. */
  output?: string;
  /** Name of a file in `presets/`, or a preset itself, as such a file holds it. Default: `web`. */
  preset?: string | Record<string, unknown>;
  /** Fields of image renditions, or of the image section, that replace those of the preset: `{ "quality": 70 }`. */
  options?: Record<string, unknown>;
  /** Files that belong to the source: captions of a video. */
  inputs?: JobInput[];
  /** What matters in the picture, for `gravity: focus`: a point or box, in fractions of the upright picture. */
  focus?: { x: number; y: number; width?: number; height?: number };
  priority?: Priority;
  tenant?: string;
  /** Free words of the caller's, carried into the manifest. */
  metadata?: Record<string, string>;
  /** Called once with the result; see docs/api.md for the signature. */
  callbackUrl?: string;
}

/** A preset as the worker gets it, complete, so that editing its file never changes a running job. */
export interface Preset extends PresetSections {
  name: string;
  /** The job brought it along, or replaced fields of it. */
  adjusted?: true;
}

/** The input of both workflows: a job with everything resolved. */
export interface WorkItem {
  batchId: string;
  itemKey: string;
  kind: MediaKind;
  source: string;
  /** Files that belong to the source. */
  inputs?: JobInput[];
  /** URI of the item's own folder, without a trailing slash. */
  output: string;
  preset: Preset;
  /** Hash over the part of the preset that matters for this kind; in output names and in the manifest. */
  recipe: string;
  priority: Priority;
  tenant: string;
  /** Share of its tenant among those that wait, as its key's entry says. Default: 1. */
  weight?: number;
  /** A key of its tenant sent it: what lies with other tenants is neither read nor written. */
  confined?: boolean;
  metadata?: Record<string, string>;
  callbackUrl?: string;
  /** `interactive`: somebody waits for this one item; it has an objective of its own. Default: `batch`. */
  mode?: SubmitMode;
  /** Make it, also where the same recipe has made the outputs of the same bytes before. */
  force?: boolean;
  /** Bound of one attempt of a step, in seconds. Default: 30 minutes for an image, by the source's length for a video. */
  attemptSeconds?: number;
  /** ISO 8601, when the run started; set by the workflow. */
  requestedAt?: string;
}

export const SUBMIT_MODES = ['interactive', 'batch'] as const;
export type SubmitMode = (typeof SUBMIT_MODES)[number];

/** How an item ended, as a label of metrics. */
export const OUTCOMES = ['ok', 'bad_input', 'failed', 'cancelled'] as const;
export type Outcome = (typeof OUTCOMES)[number];

/** What both workflows return. The manifest itself lies in storage. */
export interface ItemResult {
  /** URI of manifest.json. */
  manifest: string;
  bytesIn: number;
  bytesOut: number;
  renditions: number;
  /** Of all receipts; absent where no receipt says. */
  cpuSeconds?: number;
  /** Where the file turned out to be of another kind than the item. */
  kind?: MediaKind;
  /** For the callbackUrl: where the public finds each file, by name. Absent without such an address. */
  urls?: Record<string, string>;
}

/** `audio`: sound alone; of a video it is an intermediate, which no manifest names. `waveform`: a picture, or its numbers. */
export type RenditionRole =
  'image' | 'video' | 'audio' | 'captions' | 'poster' | 'preview' | 'sprite' | 'storyboard' | 'stream' | 'waveform';

/** A file that belongs to the source of a video. */
export interface JobInput {
  role: 'captions';
  /** RFC 5646, for example `de` or `pt-BR`. */
  language: string;
  /** SRT, WebVTT or ASS. */
  source: string;
  forced?: boolean;
  sdh?: boolean;
}

/** A published file. */
export interface Rendition {
  name: string;
  role: RenditionRole;
  /** File name beside manifest.json; of a stream, its playlist in a folder of its own there. */
  path: string;
  /** Where the public finds it, where the installation has such an address. */
  url?: string;
  mime: string;
  /** px, as displayed. Absent for text. */
  width?: number;
  height?: number;
  bytes: number;
  /** Lower-case hex. */
  sha256: string;
  durationSeconds?: number;
  frames?: number;
  /** Of an image with `maxBytes` or `target`: the quality that was found, and the SSIM of the luminance at that quality. */
  reached?: { quality: number; ssim?: number };
  /** Of a video of a preset with `quality`: how like the source its pictures are, and what that took. */
  quality?: Quality;
  /** Of captions. */
  track?: CaptionTrack;
  /** Of an image: the picture of the source itself, without its metadata, since encoding it again made no smaller file. */
  original?: true;
  /** RFC 6381, for example `avc1.64001f, mp4a.40.2`. */
  codecs?: string;
  /** kbit/s, measured. */
  bitrate?: number;
  /** Of sound alone. Its loudness is that before it was encoded, and by which of ffmpeg's ways it came about. */
  audio?: Omit<AudioFacts, 'codec' | 'loudness'> & { loudness?: Loudness & { mode: 'linear' | 'dynamic' } };
  /** Of a stream: how many segments there are, and the bytes of every file that its playlist leads to. */
  segments?: { count: number; bytes: number };
  /** Names one of the manifest's receipts: what made this file, together with the other files of that receipt. */
  receipt?: string;
}

/** How loud a sound is, by EBU R 128. */
export interface Loudness {
  /** LUFS */
  integrated: number;
  /** dBTP */
  truePeak: number;
  /** LU; says little about a sound of less than a minute. */
  range: number;
}

/** What a source's sound is. */
export interface AudioFacts {
  /** ffprobe's name, for example `mp3`. */
  codec: string;
  channels: number;
  /** Hz */
  sampleRate: number;
  /** Absent for silence. */
  loudness?: Loudness;
}

export interface SourceFacts {
  uri: string;
  bytes: number;
  /** Lower-case hex. */
  sha256: string;
  /** What the store says identifies this version of the file (size and time, or an ETag). */
  fingerprint: string;
  /** The sniffed type, for example `jpeg` or `mp4`. */
  format: string;
  /** px, upright (after EXIF orientation or rotation). Absent where there is no picture. */
  width?: number;
  height?: number;
  /** Frames of an animation; absent for a still or a video. */
  pages?: number;
  durationSeconds?: number;
  /** Of an item of the kind `audio`. */
  audio?: AudioFacts;
  /** Title, artist and the like, where the preset keeps them. */
  tags?: Record<string, string>;
}

export interface Placeholder {
  /** Base64 of a ThumbHash (evanw's format). */
  thumbhash: string;
  /** `#rrggbb` */
  dominant: string;
  /** `#rrggbb`: up to five colours of the picture, the dominant one first. Absent in older manifests. */
  palette?: string[];
  /** Where the preset asks for it. */
  blurhash?: string;
}

/** The renditions of an image that are one picture in several sizes and formats, for a page. Addresses are the files' `url`, else relative to the manifest. */
export interface PictureMarkup {
  /** By format, best first; browsers take the first that they know. */
  sources: { type: string; srcset: string }[];
  /** How wide the page shows it: the preset's `sizes`. */
  sizes: string;
  /** `<picture>…</picture>`, to be pasted; `video` where there are videos alone. */
  html: string;
  /** `<video>…</video>` of the silent videos of an animation. */
  video?: string;
}

/** `manifest.json`: written last; where it is, the item is published. */
export interface Manifest {
  version: 1;
  batchId: string;
  itemKey: string;
  kind: MediaKind;
  source: SourceFacts;
  preset: { name: string; recipe: string };
  /** The pictures that lie on renditions, as they were when these were made. */
  watermarks?: Pick<SourceFacts, 'uri' | 'bytes' | 'sha256' | 'fingerprint'>[];
  /** What the preset says of caches; absent: its files are kept for ever. */
  cacheControl?: string;
  renditions: Rendition[];
  /** By id. Each stands for work that was done once, however many files name it; some name none (sound for several files). */
  receipts?: Record<string, Receipt>;
  /** The files were not made but copied from this item, whose source had the same bytes; its manifest has the receipts. */
  copiedFrom?: { manifest: string; batchId: string; itemKey: string };
  /** What the manifest before this one named and this one does not; removed. A stream's folder ends with a slash. */
  replaces?: string[];
  /** What a campaign has replaced, and can put back: its files stay. */
  before?: { campaign: string; manifest: Manifest };
  placeholder?: Placeholder;
  /** Of an image: 64 bits as hexadecimal digits. Few bits differ between pictures that look alike; absent for a plain one. */
  perceptualHash?: string;
  /** Of an image with renditions that a page can show. */
  picture?: PictureMarkup;
  analysis?: Analysis;
  warnings: string[];
  /** How many chunks a long video was encoded in; absent: in one piece. */
  chunks?: number;
  /** Of a video whose rungs were chosen by samples. */
  ladder?: Ladder;
  /** ms by step. */
  timings: Record<string, number>;
  /** Versions of what made the files. */
  tools: Record<string, string>;
  metadata?: Record<string, string>;
  tenant: string;
  /** ISO 8601. `requestedAt` is the run's start: a run never replaces the manifest of a later one. */
  requestedAt: string;
  publishedAt: string;
  workflow: { id: string; runId: string; attempt: number };
}

/** Custom search attributes, all of type Keyword; registered when a starter or worker starts. */
export const SEARCH_ATTRIBUTES = ['MediaBatchId', 'MediaKind', 'MediaPreset', 'MediaState', 'MediaTenant'] as const;
/** The value of `MediaState` of a paused item; absent otherwise. */
export const PAUSED = 'paused';

/** Deterministic: submitting an item twice is one workflow. */
export function workflowId(batchId: string, itemKey: string): string {
  return `${batchId}/${itemKey}`;
}

/** What the `progress` query of both workflows answers; a step is, for example, `encode 720p`. */
/** The chunks of a long video, a letter each, so that ten thousand of them are 10 kB. */
export interface ChunkStates {
  /** In the order of the video, by the rungs that are encoded together. `w` waits, `r` runs, `d` is done, `f` failed; `R`, `D`: a later attempt. */
  groups: { rungs: string; states: string }[];
  /** Those in the queue or with a worker, in the order in which they came there: places in the states of all groups. */
  queued?: number[];
}

export interface ItemProgress {
  state: 'running' | 'paused';
  step: string;
  /** 0–100. */
  percent: number;
  steps: { name: string; state: 'waiting' | 'running' | 'done' | 'failed'; attempts: number }[];
  /** Of a video in chunks; `steps` then names of the chunks those alone that run, failed or were tried again, 200 at most. */
  chunks?: ChunkStates;
  /** Of a video in chunks whose stream can be played already. */
  playable?: Playable;
  /** Failures of encoders and decoders so far: bounded. */
  encoderFailures: number;
  /** Encoders and decoders that were killed from outside or for want of memory so far: bounded more generously. */
  systemFailures?: number;
}
