import { z } from 'zod';
import { codecOf, CODEC_NAMES, HDR_CODEC_NAMES, SPEEDS } from '../video/codecs';
import { analyse, name, poster, quality, uniqueNames } from './fields';
import { watermark } from './watermark';

/** A week: nothing is that long. */
const MAX_SECONDS = 604_800;

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

const fields = z.strictObject({
  /** Seconds of the source at which the video begins and ends: the pictures nearest to them; absent: all of it. */
  start: z.number().min(0).max(MAX_SECONDS).optional(),
  end: z.number().min(0.1).max(MAX_SECONDS).optional(),
  /** `optional`: sound where the source has some; `drop`: never. */
  audio: z.enum(['optional', 'drop']).default('optional'),
  /** LUFS of the whole sound (EBU R 128); absent: its own level is kept. */
  loudness: z.number().min(-70).max(-5).optional(),
  /** Of a stream: `all` has each language of the source as a sound of its own. Absent: only the first sound. */
  languages: z.enum(['first', 'all']).optional(),
  /** Of a stream: kbit/s of 5.1 beside stereo, where the source has six channels. Absent: stereo only. */
  surround: z.int().min(96).max(1024).optional(),
  /** The MP4s to make; absent with `ladder`. */
  rungs: z.array(rung).min(1).max(12).refine(uniqueNames, 'two rungs have the same name').optional(),
  /** `auto`: rungs of H.264, and their factors, are chosen for each video by samples of it, for the SSIM of `quality`. */
  ladder: z.enum(['auto']).optional(),
  /** `keep`: a source in PQ or HLG stays so in rungs whose codec can; `tonemap`, and absent: all rungs are SDR. */
  hdr: z.enum(['tonemap', 'keep']).optional(),
  /** A picture to lay on the pictures of all rungs, and so of the stream, and of the preview; not of the poster and the sprite. */
  watermark: watermark.optional(),
  /**
   * How like the source every encoded rung is to be: the SSIM of the luminance as a mean over all pictures, and over those
   * of each chunk. Rungs that miss it are encoded again at a lower `crf`, up to three times, under their cap.
   */
  quality: z.strictObject({ ssim: z.number().min(0.5).max(0.999) }).optional(),
  /** A picture that stands for the video; `width` in px at most. */
  poster,
  /** A short clip of scenes from all over the video, as MP4 and animated WebP, without sound. */
  preview: z
    .strictObject({
      /** Fewer where the video is short. */
      scenes: z.int().min(1).max(10).default(4),
      /** Of each scene. */
      seconds: z.number().min(0.2).max(5).default(1),
      /** px at most. */
      width: z.int().min(64).max(1920),
    })
    .optional(),
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
  /** The text tracks of the source as WebVTT, beside those that a job brings along. */
  captions: z.boolean().optional(),
  /** Models that look at the poster; what they find is in the manifest. */
  analyse,
});

export const video = fields
  .refine(({ start = 0, end = Infinity }) => end - start >= 0.1, {
    path: ['end'],
    error: 'is at least 0.1 s behind `start`',
  })
  .refine(({ rungs, ladder }) => rungs === undefined || ladder === undefined, {
    path: ['ladder'],
    error: '`auto` chooses the rungs, so leave out `rungs`',
  })
  .refine(({ rungs, ladder }) => rungs !== undefined || ladder !== undefined, {
    path: ['rungs'],
    error: 'is needed, or `ladder: auto`, which chooses them',
  })
  .refine(({ hdr, rungs = [] }) => hdr !== 'keep' || rungs.some((spec) => codecOf(spec).hdrPixelFormat !== undefined), {
    path: ['hdr'],
    error: `\`keep\` needs a rung with codec ${HDR_CODEC_NAMES.join(' or ')}: the others are SDR`,
  })
  .refine(({ hls, dash }) => !dash || hls === true, { path: ['dash'], message: 'a manifest of DASH needs hls: true' })
  .refine(({ hls, languages, surround }) => hls === true || (languages === undefined && surround === undefined), {
    path: ['languages'],
    error: 'languages and surround are for streams, and need hls: true',
  })
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
export type VideoRungSpec = z.infer<typeof rung>;

/** Fields that a job may replace. */
export const VIDEO_FIELDS = ['start', 'end'] as const satisfies (keyof VideoPreset)[];
