import { z } from 'zod';
import { FILM_FORMAT_NAMES, formatRow, formatsThat, isFilm, RENDITION_FORMAT_NAMES } from '../formats';
import { analyse, byteCount, colour, name, pixels, quality, uniqueNames } from './fields';
import { COMPASS, compass, margin, opacity, watermark } from './watermark';

/** Places of a picture: a side, a corner, or what the picture itself says. */
const GRAVITIES = [...COMPASS, 'attention', 'entropy', 'faces', 'focus'] as const;

const gravity = z.enum(GRAVITIES);

/** Of the upright picture: 0 is its left or upper edge, 1 its right or lower one. */
const fraction = z.number().min(0).max(1);
const share = z.number().min(0.001).max(1);

/** Letters of the scripts that the shipped fonts have; all else that is common to scripts, up to where East Asia begins. */
const WRITABLE =
  /^(?:[\p{Script=Latin}\p{Script=Greek}\p{Script=Cyrillic}\p{Script=Armenian}\p{Script=Georgian}\p{Script=Hebrew}\p{Script=Arabic}\n]|(?![\p{Emoji_Presentation}\p{Control}\u{2e80}-\u{10ffff}])[\p{Script=Common}\p{Script=Inherited}])+$/u;

const text = z.strictObject({
  value: z
    .string()
    .min(1)
    .max(500)
    .regex(
      WRITABLE,
      'has characters that the fonts do not have: Latin, Greek, Cyrillic, Armenian, Georgian, Hebrew and Arabic are there',
    ),
  /** Absent: `sans`. */
  font: z.enum(['sans', 'bold']).optional(),
  /** px of the font. */
  size: z.int().min(6).max(512),
  /** Absent: white. */
  colour: colour.optional(),
  /** Absent: `south`. */
  gravity: compass.optional(),
  /** px to the edges. Absent: 16. */
  margin: margin.optional(),
  /** How much of the width between the margins a line may have. Absent: all. */
  width: z.number().min(0.05).max(1).optional(),
  opacity: opacity.optional(),
});

const fields = z.strictObject({
  name,
  /** `mp4` and `webm` are silent videos of a moving source's frames. */
  format: z.enum(RENDITION_FORMAT_NAMES),
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
  /** How the picture comes into width x height. Absent: `inside`. */
  fit: z.enum(['inside', 'cover', 'contain', 'outside']).optional(),
  /** Device pixels to one px of the other fields. */
  dpr: z.number().min(1).max(4).optional(),
  /** What `cover` keeps, and where `contain` puts the picture. Absent: `centre`. */
  gravity: gravity.optional(),
  /** Levels (of 255) by which a border may differ from its corner and still be cut off. */
  trim: z.int().min(1).max(128).optional(),
  /** Degrees clockwise, after EXIF's. */
  rotate: z.literal([90, 180, 270]).optional(),
  /** Mirrors, after `rotate`. */
  flip: z.enum(['horizontal', 'vertical', 'both']).optional(),
  /** Colour behind transparent pixels, around `contain` and of `pad`. */
  background: colour.optional(),
  /** px on each side, outside of width x height. */
  pad: z.int().min(1).max(1024).optional(),
  /** px: standard deviation of a Gaussian, after resizing. */
  blur: z.number().min(0.3).max(200).optional(),
  /** px: radius of the sharpening, after resizing. */
  sharpen: z.number().min(0.3).max(5).optional(),
  greyscale: z.boolean().optional(),
  /** A picture to lay on the picture. */
  watermark: watermark.optional(),
  /** Words to lay on the picture. */
  text: text.optional(),
  /** `keep`: a source in PQ or HLG stays so; `tonemap`, and absent: it becomes SDR. */
  hdr: z.enum(['tonemap', 'keep']).optional(),
  /** Bytes: the highest quality, up to `quality`, whose file is no larger. */
  maxBytes: byteCount.optional(),
  /** The lowest quality whose result is as like the picture as this. */
  target: z.strictObject({ ssim: z.number().min(0.5).max(0.999) }).optional(),
  /** Encoded also where the source has the same size and format and fewer bytes. */
  larger: z.boolean().optional(),
});
type Fields = z.infer<typeof fields>;

const needsBox = ({ fit, width, height }: Fields) =>
  fit === undefined || fit === 'inside' || (width !== undefined && height !== undefined);

const hasQuality = ({ format, lossless }: Fields) =>
  formatRow(format).quality !== undefined && !isFilm(format) && !lossless;
const lossy = formatsThat((row, format) => row.quality !== undefined && !isFilm(format));

/** Fields that work on 8 bits, in which HDR has no room. */
const IN_8_BITS = [
  'background',
  'pad',
  'blur',
  'sharpen',
  'greyscale',
  'maxBytes',
  'target',
  'lossless',
  'watermark',
  'text',
] as const;

/** Combinations that make no sense: the field to blame, what must hold, and the sentence after the field's name. */
const RULES: [field: keyof Fields, holds: (spec: Fields) => boolean, sentence: string][] = [
  ['trellis', ({ trellis, format }) => !trellis || format === 'jpeg', 'is for jpeg only'],
  [
    'lossless',
    ({ lossless, format }) => !lossless || formatRow(format).lossless,
    `is for ${formatsThat(({ lossless }) => lossless)} only`,
  ],
  ['fit', needsBox, 'cover, contain and outside need width and height'],
  [
    'gravity',
    (spec) => spec.gravity === undefined || spec.fit === 'cover' || spec.fit === 'contain',
    'is for fit `cover` and `contain` only',
  ],
  [
    'gravity',
    ({ gravity: place, fit }) => fit !== 'contain' || place === undefined || COMPASS.some((known) => known === place),
    'attention, entropy, faces and focus choose what is cut off, and `contain` cuts nothing off',
  ],
  ['sharpen', ({ sharpen, blur }) => sharpen === undefined || blur === undefined, 'and `blur` undo each other'],
  [
    'maxBytes',
    (spec) => spec.maxBytes === undefined || hasQuality(spec),
    `needs a quality to search: ${lossy}, not lossless`,
  ],
  [
    'target',
    (spec) => spec.target === undefined || hasQuality(spec),
    `needs a quality to search: ${lossy}, not lossless`,
  ],
  ['target', ({ target, format }) => !target || !formatRow(format).unread, 'is for formats that are read back here'],
  [
    'hdr',
    ({ hdr, format }) => hdr !== 'keep' || formatRow(format).hdr === true,
    `\`keep\` is for ${formatsThat((row) => row.hdr === true)} only`,
  ],
  [
    'hdr',
    (spec) => spec.hdr !== 'keep' || (spec.fit !== 'contain' && IN_8_BITS.every((field) => !spec[field])),
    `\`keep\` goes without fit \`contain\`, ${IN_8_BITS.join(', ')}: these work on 8 bits`,
  ],
  ['quality', ({ target, quality: wanted }) => !target || wanted === undefined, 'is what `target` searches for'],
];

const imageRendition = fields
  .refine((spec) => spec.width !== undefined || spec.height !== undefined, 'needs a width or a height')
  .superRefine((spec, context) => {
    const { format, effort } = spec;
    const [least, most] = formatRow(format).effort ?? [0, 0];
    if (effort !== undefined && (effort < least || effort > most)) {
      const message = most === 0 ? `is not for ${format}` : `is ${least} to ${most} for ${format}`;
      context.addIssue({ code: 'custom', path: ['effort'], message });
    }
    for (const [field, holds, message] of RULES) {
      if (!holds(spec)) context.addIssue({ code: 'custom', path: [field], message });
    }
  });

/** What matters in a picture. */
export const focus = z
  .strictObject({
    x: fraction.describe('Of the width: the point, or the left edge of a box'),
    y: fraction.describe('Of the height: the point, or the upper edge of a box'),
    width: share.optional().describe('Of the width: how wide the box is'),
    height: share.optional().describe('Of the height: how high the box is'),
  })
  .refine(
    ({ width, height }) => (width === undefined) === (height === undefined),
    'needs width and height, or neither',
  );

const section = z.strictObject({
  /** `keep` animates renditions of animated sources, in formats that can; `first` takes the first frame only. */
  animation: z.enum(['keep', 'first']).default('first'),
  /** `srgb` and `p3` (Display P3) convert; `keep` leaves a wide-gamut profile in place. */
  colour: z.enum(['srgb', 'p3', 'keep']).default('srgb'),
  /** What of the source's metadata the renditions have: nothing, whose picture it is, or all but places. Absent: `strip`. */
  metadata: z.enum(['strip', 'copyright', 'all']).optional(),
  /** What matters in the picture: a point, or the middle of a box. For `gravity: focus`. */
  focus: focus.optional(),
  /** The part of the upright picture that all renditions are made of. */
  crop: z
    .strictObject({ x: fraction, y: fraction, width: share, height: share })
    .refine(({ x, y, width, height }) => x + width <= 1 && y + height <= 1, 'reaches beyond the picture')
    .optional(),
  /** How wide a page shows the picture, as `sizes` of HTML says it; for the snippet in the manifest. */
  sizes: z
    .string()
    .regex(/^[^\u0000-\u001f\u007f]{1,500}$/, 'a line of at most 500 characters, as `sizes` of HTML')
    .optional(),
  /** A BlurHash beside the ThumbHash. */
  blurhash: z.boolean().optional(),
  renditions: z.array(imageRendition).min(1).max(32).refine(uniqueNames, 'two renditions have the same name'),
  /** Models that look at the picture; what they find is in the manifest. */
  analyse,
});

/** Fields of a rendition that a job may replace in all of them, and those of the section that it may replace. */
export const RENDITION_FIELDS = Object.keys(fields.shape).filter((field) => field !== 'name');
export const IMAGE_FIELDS = Object.keys(section.shape).filter((field) => field !== 'renditions' && field !== 'analyse');

/** What to make of an image, as a section of a preset. */
export const image = section
  .refine(
    ({ animation, renditions }) =>
      animation === 'first' || renditions.some(({ format }) => formatRow(format).animation),
    {
      path: ['animation'],
      error: `\`keep\` needs a rendition with format ${formatsThat(({ animation }) => animation)}: the encoders of the others write stills only`,
    },
  )
  .refine(({ animation, renditions }) => animation === 'keep' || !renditions.some(({ format }) => isFilm(format)), {
    path: ['animation'],
    error: `has to be \`keep\` for renditions with format ${FILM_FORMAT_NAMES.join(' and ')}: these show the frames of a moving source`,
  })
  .refine(
    ({ analyse: models = [], renditions }) =>
      models.includes('faces') || renditions.every(({ gravity: place }) => place !== 'faces'),
    {
      path: ['analyse'],
      error: 'has to name `faces`, the model that looks for faces, for renditions with gravity `faces`',
    },
  )
  .refine(
    ({ colour: wanted, renditions }) => wanted !== 'p3' || renditions.some(({ format }) => formatRow(format).profile),
    {
      path: ['colour'],
      error: `\`p3\` needs a rendition with format ${formatsThat(({ profile }) => profile)}: the others hold no profile`,
    },
  );

/** What to make of an image. */
export type ImagePreset = z.infer<typeof image>;
/** One image to make. Never larger than the source. */
export type ImageRenditionSpec = ImagePreset['renditions'][number];
