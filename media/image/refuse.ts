import { DarkroomError } from '../../common/errors';
import type { Sniffed } from '../sniff';
import { readerOf } from './foreign';

const READABLE = new Set(['jpeg', 'png', 'webp', 'avif', 'gif', 'tiff']);
const TAKES = 'send a JPEG, PNG, WebP, AVIF, HEIC, GIF or TIFF instead';

/** What helps the person who sent this format, where there is more to say than what to send instead. */
const ADVICE: Record<string, string> = {
  jp2: 'convert it to PNG or TIFF',
  svg: 'drawings are read only where the operator allows it (DARKROOM_ALLOW_SVG)',
  m3u8: 'it only points at other files, and Darkroom does not follow it; send the media file itself',
  ffconcat: 'it only points at other files, and Darkroom does not follow it; send the media file itself',
};

const article = (name: string) =>
  /^(?:[AEIOaeio8]|HEI|MP\d|MPEG|M[34K]|MOV|FLV|HTML|SVG|M3U8)/.test(name) ? 'an' : 'a';

/**
 * Lets only formats pass that this build of sharp reads and that are safe to read.
 * @throws DarkroomError UnsupportedMedia, with a sentence that says what the file is and what would help
 */
export function assertReadable(sniffed: Sniffed | undefined, allowSvg: boolean): asserts sniffed is Sniffed {
  if (sniffed === undefined) {
    throw new DarkroomError('UnsupportedMedia', `The file's content is of no known type; ${TAKES}.`);
  }
  const { format, kind, mime } = sniffed;
  if (READABLE.has(format) || readerOf(format) !== undefined || (format === 'svg' && allowSvg)) return;
  throw new DarkroomError('UnsupportedMedia', sentence(sniffed), { format, kind, mime });
}

function sentence({ format, kind, name }: Sniffed): string {
  const what = `${article(name)} ${name}`;
  if (kind === 'video') return `This is a video, ${name}, not an image; submit it as kind "video".`;
  if (kind === 'audio') return `This is a sound file, ${name}, not an image.`;
  if (format === 'text') return `This is plain text, whatever its name says; ${TAKES}.`;
  const advice = ADVICE[format];
  if (kind === 'image') return `This is ${what}, which is not read here; ${advice ?? TAKES}.`;
  return `This is ${what}, not an image; ${advice ?? TAKES}.`;
}
