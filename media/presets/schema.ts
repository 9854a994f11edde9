import { z } from 'zod';
import type { MediaKind } from '../../common/kinds';
import { AUDIO_CODEC_NAMES } from '../audio/codecs';
import { codecOf, CODEC_NAMES, SPEEDS } from '../video/codecs';
import { formatRow, formatsThat, IMAGE_FORMAT_NAMES } from '../formats';

/** Names become part of file names and URLs. */
const name = z.string().regex(/^[a-z0-9][a-z0-9-]{0,31}$/, 'lower-case letters, digits and dashes, 32 at most');
const pixels = z.int().min(16).max(16_384);
const quality = z.int().min(1).max(100);

const imageRendition = z
  .strictObject({
    name,
    format: z.enum(IMAGE_FORMAT_NAMES),
    /** px; the image keeps its aspect ratio and fits inside width x height. One of the two is needed. */
    width: pixels.optional(),
    height: pixels.optional(),
    /** 1–100; png ignores it. */
    quality: quality.optional(),
    /** Encoder effort; more is smaller and slower. Its range is the format's. */
    effort: z.int().min(0).max(10).optional(),
    lossless: z.boolean().optional(),
    /** jpeg only: mozjpeg's trellis quantisation and scan optimisation; about 6 % smaller for 2.5 times the time. */
    trellis: z.boolean().optional(),
  })
  .refine((spec) => spec.width !== undefined || spec.height !== undefined, 'needs a width or a height')
  .superRefine(({ format, effort }, context) => {
    const [least, most] = formatRow(format).effort ?? [0, 0];
    if (effort === undefined || (effort >= least && effort <= most)) return;
    const message = most === 0 ? `is not for ${format}` : `is ${least} to ${most} for ${format}`;
    context.addIssue({ code: 'custom', path: ['effort'], message });
  })
  .refine((spec) => !spec.trellis || spec.format === 'jpeg', { path: ['trellis'], error: 'is for jpeg only' })
  .refine((spec) => !spec.lossless || formatRow(spec.format).lossless, {
    path: ['lossless'],
    error: `is for ${formatsThat(({ lossless }) => lossless)} only`,
  });

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

function uniqueNames(entries: { name: string }[]): boolean {
  return new Set(entries.map((entry) => entry.name)).size === entries.length;
}

const poster = z.strictObject({ format: z.enum(['webp', 'jpeg']), width: pixels, quality }).optional();

const image = z
  .strictObject({
    /** `keep` animates renditions of animated sources, in formats that can; `first` takes the first frame only. */
    animation: z.enum(['keep', 'first']).default('first'),
    /** `srgb` converts; `keep` leaves a wide-gamut profile in place. */
    colour: z.enum(['srgb', 'keep']).default('srgb'),
    renditions: z.array(imageRendition).min(1).max(32).refine(uniqueNames, 'two renditions have the same name'),
  })
  .refine(
    ({ animation, renditions }) =>
      animation === 'first' || renditions.some(({ format }) => formatRow(format).animation),
    {
      path: ['animation'],
      error: `\`keep\` needs a rendition with format ${formatsThat(({ animation }) => animation)}: the encoders of the others write stills only`,
    },
  );

/** What to make of an image. */
export type ImagePreset = z.infer<typeof image>;
/** One image to make. Never larger than the source. */
export type ImageRenditionSpec = ImagePreset['renditions'][number];

const video = z.strictObject({
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
      colour: z.string().regex(/^#[0-9a-f]{6}$/i, 'a colour such as #3b82f6'),
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
