import { z } from 'zod';
import { cacheControlProblem } from '../../common/cache-control';
import { MEDIA_KINDS, type MediaKind } from '../../common/kinds';
import { AUDIO_CODEC_NAMES } from '../audio/codecs';
import { colour, name, pixels, poster, uniqueNames, analyseSound } from './fields';
import { image } from './image';
import { video } from './video';

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
  /** Models that hear the sound; what they find is in the manifest. */
  analyse: analyseSound,
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
  .strictObject({
    ...sections,
    /**
     * How long browsers and CDNs keep the published files, as `Cache-Control` of HTTP: metadata of objects in S3, and sent by
     * the API. Absent: for ever, since a name stands for its bytes. `manifest.json` and playlists have a rule of their own.
     */
    cacheControl: z
      .string()
      .max(200)
      .superRefine((value, context) => {
        const problem = cacheControlProblem(value);
        if (problem !== undefined) context.addIssue({ code: 'custom', message: problem });
      })
      .optional(),
  })
  .refine((preset) => MEDIA_KINDS.some((kind) => preset[kind] !== undefined), `needs ${MEDIA_KINDS.join(' or ')}`);

export type PresetSections = z.infer<typeof presetFile>;

export type { ImagePreset, ImageRenditionSpec } from './image';
export type { VideoPreset, VideoRungSpec } from './video';
