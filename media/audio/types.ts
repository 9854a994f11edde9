import type { AudioFacts, Loudness, Rendition } from '../../common/contracts';
import type { FfmpegSettings, StepProgress } from '../video';
import type { AudioCodecName } from './codecs';

/** Bounds on what a source may be. */
export interface AudioLimits {
  /** ms */
  maxDuration: number;
  maxStreams: number;
}

/** What a file with sound is. */
export interface AudioProbe {
  /** The sniffed type, for example `mp3`. */
  format: string;
  /** As the file states, or as counted where it does not. */
  durationSeconds: number;
  /** Number of the stream in the file. */
  index: number;
  facts: AudioFacts;
  /** Number of the stream that holds the cover. */
  cover?: number;
  /** The tags that a preset may keep; by lower-case name. */
  tags: Record<string, string>;
}

/** How many channels an output has, by ffmpeg's name of the layout. */
export type Layout = 'mono' | 'stereo' | '5.1';

/** One file of sound to make. */
export interface SoundPlan {
  name: string;
  codec: AudioCodecName;
  /** kbit/s of all channels together. */
  kbps: number;
}

/** What to make, with every number settled. */
export interface AudioPlan {
  layout: Layout;
  /** Absent: the level is kept. */
  target?: Loudness;
  sounds: SoundPlan[];
  waveform?: { width: number; height: number; colour: string; points: number };
  wantsCover: boolean;
  /** Written into the files. */
  tags: Record<string, string>;
}

export interface AudioInput {
  /** Path of the source on this machine. */
  input: string;
  /** An existing folder for what is made. */
  outputDir: string;
  probe: AudioProbe;
  plan: AudioPlan;
  /** ms; nothing that is made gets longer. */
  maxDuration: number;
  settings: FfmpegSettings;
  signal?: AbortSignal;
  onProgress?: (progress: StepProgress) => void;
}

/** A finished and checked file: a rendition without its published name. */
export interface AudioFile extends Omit<Rendition, 'path'> {
  /** Absolute path. */
  file: string;
}

export interface AudioOutcome {
  files: AudioFile[];
  /** Seconds that were decoded. */
  durationSeconds: number;
  /** Of the source; absent where it is silent or was not measured. */
  loudness?: Loudness;
  /** The cover as it lay in the source, unchecked: a path. */
  cover?: string;
  /** Sentences about what was left out or odd. */
  warnings: string[];
}
