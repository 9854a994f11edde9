import type { FileType } from '../../common/file-types';

/** A codec that a rendition of sound can have: everything about it that is not the same for all. */
interface AudioCodec {
  /** Name of ffmpeg's encoder. */
  readonly encoder: string;
  readonly mime: FileType;
  /** kbit/s that the encoder takes for one channel. */
  readonly maxKbpsPerChannel: number;
  /** Name of ffmpeg's muxer, and its options. */
  readonly container: readonly string[];
  /** Options of the encoder beside its bitrate. */
  readonly options: readonly string[];
}

/** The one table of codecs for sound. Both are made at {@link OUTPUT_RATE}. No Node in it, like the codecs of rungs. */
export const AUDIO_CODECS = {
  /** `ipod` is ffmpeg's name of an MP4 with the brand M4A. The index stands in front, so that playing begins at once. */
  aac: {
    encoder: 'aac',
    mime: 'audio/mp4',
    maxKbpsPerChannel: 288,
    container: ['-f', 'ipod', '-movflags', '+faststart'],
    options: [],
  },
  /** In Ogg, as `.opus`: what RFC 7845 advises. */
  opus: {
    encoder: 'libopus',
    mime: 'audio/ogg',
    maxKbpsPerChannel: 256,
    container: ['-f', 'opus'],
    options: ['-vbr', 'on'],
  },
} as const satisfies Record<string, AudioCodec>;

export type AudioCodecName = keyof typeof AUDIO_CODECS;
export const AUDIO_CODEC_NAMES = Object.keys(AUDIO_CODECS) as [AudioCodecName, ...AudioCodecName[]];

/** Hz of everything that is made: the rate of Opus, and one that every player has. */
export const OUTPUT_RATE = 48_000;

export function audioCodec(name: AudioCodecName): AudioCodec {
  return AUDIO_CODECS[name];
}
