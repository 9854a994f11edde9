import type { Converted, ImageLimits } from '../types';
import { readApng } from './apng';
import { readBmp, readIco, readQoi } from './bitmaps';
import { readHeic } from './heic';
import { readJxl } from './jxl';
import { readPsd } from './psd';
import { readRawPhoto } from './raw-photo';

/** @param name of the format, for people */
type Reader = (path: string, limits: ImageLimits, name: string) => Promise<Converted>;

/** The one table of formats that sharp does not read and that are read all the same; by the sniffed format. */
const READERS: Record<string, Reader> = {
  // What moves; a PNG that does not is read by sharp.
  apng: readApng,
  heic: readHeic,
  heif: readHeic,
  jxl: readJxl,
  bmp: readBmp,
  ico: readIco,
  qoi: readQoi,
  psd: readPsd,
  ...Object.fromEntries(
    ['dng', 'cr2', 'cr3', 'nef', 'arw', 'orf', 'rw2', 'raf', 'pef', 'srw', 'rawphoto'].map((raw) => [
      raw,
      readRawPhoto,
    ]),
  ),
};

/** The reader of a format; undefined where sharp reads it, or nothing does. */
export function readerOf(format: string): Reader | undefined {
  return Object.hasOwn(READERS, format) ? READERS[format] : undefined;
}
