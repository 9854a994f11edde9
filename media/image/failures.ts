import { DarkroomError, tail, type ErrorType } from '../../common/errors';

/** What libvips and sharp print, what it means, and the sentence for the person who sent the file; `%` is the format's name. */
const TABLE: [pattern: RegExp, type: ErrorType, sentence: string][] = [
  [
    /no space left|disk quota|ENOSPC|EDQUOT/i,
    'StorageUnavailable',
    'The scratch disk is full; the image waits for space.',
  ],
  [
    /pixel limit|exceeds? .*limit|too (?:large|big|many)|dimension.*(?:exceed|large)|bomb|out of memory|unable to (?:m?alloc|allocate)/i,
    'MediaTooLarge',
    'The % claims more pixels, frames or data than are read.',
  ],
  [/channel limit/i, 'UnsupportedMedia', 'The % has more colour channels than are read.'],
  [
    /unsupported (?:codec|feature|compression|color|colour|bit)|not (?:supported|configured|implemented)|bad labq|no support|unimplemented/i,
    'UnsupportedMedia',
    'The % uses a variant of its format that is not read.',
  ],
  [
    /premature|truncat|unexpected end|end of (?:file|image|stream|data)|not enough|out of data|short/i,
    'CorruptMedia',
    'The % is cut short: its end is missing.',
  ],
  [/read error|read gave/i, 'CorruptMedia', 'The % is damaged or cut short.'],
  [/corrupt header|bad header|unable to load/i, 'CorruptMedia', 'The % is damaged: its header makes no sense.'],
];

/** File system failures by code; `input` when reading the source, `output` when writing a rendition. */
const CODES: Record<string, [ErrorType, string]> = {
  'input ENOENT': ['SourceNotFound', 'There is no file to read.'],
  'input EACCES': ['SourceForbidden', 'The file may not be read.'],
  'input EPERM': ['SourceForbidden', 'The file may not be read.'],
  'input EISDIR': ['SourceNotFound', 'There is a folder where a file should be.'],
  'output ENOSPC': ['StorageUnavailable', 'The scratch disk is full; the image waits for space.'],
  'output EDQUOT': ['StorageUnavailable', 'The scratch disk is full; the image waits for space.'],
};

/** Turns a file system error into a row of the error table. */
export function fileFailure(error: unknown, side: 'input' | 'output'): DarkroomError {
  if (error instanceof DarkroomError) return error;
  const { code = '', message } = error as NodeJS.ErrnoException;
  const [type, sentence] = CODES[`${side} ${code}`] ?? [
    side === 'input' ? 'SourceUnavailable' : 'StorageUnavailable',
    side === 'input' ? 'The file could not be read just now.' : 'The scratch disk could not be written just now.',
  ];
  return new DarkroomError(type, sentence, { code, message: tail(message) }, { cause: error });
}

/**
 * Turns what sharp threw into a row of the error table; a message that nobody foresaw counts as damage.
 * @param name of the format, for people
 */
export function decodeFailure(error: unknown, name: string): DarkroomError {
  if (error instanceof DarkroomError) return error;
  const message = error instanceof Error ? error.message : String(error);
  // A fault of ours, not the file's.
  if (error instanceof TypeError || error instanceof RangeError || error instanceof ReferenceError) throw error;
  const row = TABLE.find(([pattern]) => pattern.test(message));
  const [type, sentence] = row ? [row[1], row[2]] : (['CorruptMedia', 'The % is damaged and cannot be read.'] as const);
  return new DarkroomError(type, sentence.replace('%', name), { libvips: tail(message) }, { cause: error });
}
