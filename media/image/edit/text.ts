import sharp from 'sharp';
import type { ImageRenditionSpec } from '../../presets/schema';
import type { Size } from './layout';

/** Pixels to lay on a picture: RGBA, 8 bits, in sRGB. */
export interface Overlay extends Size {
  data: Buffer;
}

type Text = NonNullable<ImageRenditionSpec['text']>;

/** Files of the fonts that are shipped (licences/dejavu-fonts.txt), and what Pango calls them. */
const FONTS = {
  sans: { file: () => require.resolve('dejavu-fonts-ttf/ttf/DejaVuSans.ttf'), name: 'DejaVu Sans' },
  bold: { file: () => require.resolve('dejavu-fonts-ttf/ttf/DejaVuSans-Bold.ttf'), name: 'DejaVu Sans Bold' },
} as const satisfies Record<NonNullable<Text['font']>, { file: () => string; name: string }>;

/** Nothing of a text is markup. */
const escaped = (text: string) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

/**
 * A text as pixels, no larger than its ink. Lines are broken between words, and within those that are too long; each
 * paragraph runs in the direction of its script, and starts at that side.
 * @param room px that a line may have at most
 * @param dpr device pixels to one px of the size
 */
export async function textPicture(
  { value, font = 'sans', size, colour = '#ffffff', width = 1, gravity = 'south' }: Text,
  room: number,
  dpr: number,
): Promise<Overlay> {
  const { file, name } = FONTS[font];
  const side = gravity.endsWith('west') ? 'left' : gravity.endsWith('east') ? 'right' : 'centre';
  const { data, info } = await sharp({
    text: {
      text: `<span foreground="${colour}">${escaped(value)}</span>`,
      font: `${name} ${Math.round(size * dpr)}`,
      fontfile: file(),
      width: Math.max(1, Math.round(room * width)),
      wrap: 'word-char',
      rgba: true,
      // One point is one pixel.
      dpi: 72,
      ...(isRightToLeft(value) ? {} : { align: side }),
    },
  })
    .ensureAlpha()
    .raw()
    .toBuffer({ resolveWithObject: true });
  return { data, width: info.width, height: info.height };
}

/** By the first letter, as Unicode's rules have it. Pango turns such paragraphs to the right by itself. */
function isRightToLeft(text: string): boolean {
  const [letter = ''] = /\p{Letter}/u.exec(text) ?? [];
  return /[\p{Script=Hebrew}\p{Script=Arabic}]/u.test(letter);
}
