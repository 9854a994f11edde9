import { z } from 'zod';
import type { MediaKind } from '../../common/kinds';
import { AUDIO_CODEC_NAMES } from '../audio/codecs';
import { codecOf, CODEC_NAMES, SPEEDS } from '../video/codecs';
import { analyse, colour, name, pixels, quality, uniqueNames } from './fields';
import { image } from './image';

const rung = z
  .strictObject({
    name,
    /** Absent: h264, which plays everywhere. */
    codec: z.enum(CODEC_NAMES).optional(),
    /** px of the short side after rotation. */
    height: z.int().min(64).max(4320),
    /** Constant rate factor; lower is better and larger. Its range is the codec's, and so is what a value looks like. */
    crf: z.int().min(0),
    /** kbit/s, the cap of the picture. */
    maxrate: z.int().min(50).max(200_000),
    /** How much work the encoder puts into the same quality; slower is smaller. */
    speed: z.enum(SPEEDS),
    /** kbit/s of AAC. */
    audioBitrate: z.int().min(16).max(512),
  })
  .refine((spec) => spec.crf <= codecOf(spec).maxCrf, { path: ['crf'], error: 'higher than this codec knows' });

const poster = z.strictObject({ format: z.enum(['webp', 'jpeg']), width: pixels, quality }).optional();

const video = z
  .strictObject({
    /** `optional`: sound where the source has some; `drop`: never. */
    audio: z.enum(['optional', 'drop']).default('optional'),
    rungs: z.array(rung).min(1).max(12).refine(uniqueNames, 'two rungs have the same name'),
    /** A picture that stands for the video; `width` in px at most. */
    poster,
    /** Thumbnails for scrubbing; `width` in px of one tile. */
    sprite: z
      .strictObject({
        width: z.int().min(32).max(640),
        columns: z.int().min(1).max(20),
        rows: z.int().min(1).max(20),
        quality,
      })
      .optional(),
    /** Also as a stream that adapts (HLS), cut from the rungs, which then have their keyframes at the same times. */
    hls: z.boolean().optional(),
    /** Of the stream, also a manifest of DASH over the same segments. */
    dash: z.boolean().optional(),
    /** Models that look at the poster; what they find is in the manifest. */
    analyse,
  })
  .refine(({ hls, dash }) => !dash || hls === true, { path: ['dash'], message: 'a manifest of DASH needs hls: true' })
  .refine(({ analyse, poster }) => analyse === undefined || poster !== undefined, {
    path: ['analyse'],
    error: 'needs a poster, which is what models look at',
  });

/** What to make of a video. */
export type VideoPreset = z.infer<typeof video>;
/**
 * One MP4 to make, never larger than the source: of the rungs above the source only the lowest may stay, at the source's own
 * size.
 */
export type VideoRungSpec = VideoPreset['rungs'][number];

const audio = z.strictObject({
  /** `stereo`: more channels are mixed down to two; `surround`: six and more become 5.1; `mono`. None are ever added. */
  channels: z.enum(['stereo', 'surround', 'mono']).default('stereo'),
  /** EBU R 128: the level that the sound is brought to. Absent: its own level is kept. */
  loudness: z
    .strictObject({
      /** LUFS of the whole sound. */
      integrated: z.number().min(-70).max(-5),
      /** dBTP that no sample between the samples exceeds before encoding. */
      truePeak: z.number().min(-9).max(0).default(-1.5),
      /** LU: a sound with a wider range is compressed. */
      range: z.number().min(1).max(50).default(20),
    })
    .optional(),
  renditions: z
    .array(
      z.strictObject({
        name,
        codec: z.enum(AUDIO_CODEC_NAMES),
        /** kbit/s for two channels; one gets half of it, and 5.1 three times as much. */
        bitrate: z.int().min(16).max(512),
      }),
    )
    .min(1)
    .max(8)
    .refine(uniqueNames, 'two renditions have the same name'),
  /** The course of the level: a PNG of `width` x `height` px and, as JSON, `points` pairs of lowest and highest sample. */
  waveform: z
    .strictObject({
      width: pixels,
      height: z.int().min(16).max(2048),
      colour,
      points: z.int().min(100).max(20_000).default(2000),
    })
    .optional(),
  /** The cover in the file; `width` in px at most. */
  poster,
  /** `keep`: title, artist, album and the like are written into the files and the manifest. */
  metadata: z.enum(['strip', 'keep']).default('strip'),
});

/** What to make of a sound. */
export type AudioPreset = z.infer<typeof audio>;

/** What a preset says of each kind; a missing kind does not compile. */
const sections = {
  image: image.optional(),
  video: video.optional(),
  audio: audio.optional(),
} satisfies Record<MediaKind, z.ZodType>;

/** A preset file. Its name is the file's. */
export const presetFile = z
  .strictObject(sections)
  .refine((preset) => Object.keys(preset).length > 0, `needs ${Object.keys(sections).join(' or ')}`);

export type PresetSections = z.infer<typeof presetFile>;

export type { ImagePreset, ImageRenditionSpec } from './image';
