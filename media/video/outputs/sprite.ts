import { readFile, writeFile } from 'node:fs/promises';
import { DarkroomError } from '../../../common/errors';
import { badOutput } from '../check/finish';
import { pictureSize } from '../check/picture';
import { jpegScale } from '../ffmpeg/command';
import type { MediaProbe, SpritePlan, VideoFile } from '../types';
import { pictureSeconds, type Branch } from './branch';
import { spriteFilters } from './filters';
import { storyboard } from './storyboard';

const sheetOf = (index: number | '%d') => `sprite-${index}`;
const STORYBOARD = 'storyboard.vtt';

/**
 * Thumbnails for scrubbing: sheets (`sprite-0.jpg`, …) and the WebVTT storyboard over them (`storyboard.vtt`), the
 * storyboard last.
 * @param sheetName what the cues call a finished sheet: its published name, relative to the storyboard
 */
export function spriteBranch(probe: MediaProbe, sprite: SpritePlan, sheetName: (sheet: VideoFile) => string): Branch {
  const sheets = Array.from({ length: sprite.sheets }, (_, index) => `${sheetOf(index)}.jpg`);
  const size = { width: sprite.width * sprite.columns, height: sprite.height * sprite.rows };
  return {
    id: 'sprite',
    names: [...sheets, STORYBOARD],
    pictures: { every: false, chain: (video) => `${spriteFilters(video, sprite)}[sprite]` },
    outputs: [
      {
        name: `${sheetOf('%d')}.jpg`,
        options: [
          ...['-map', '[sprite]', '-c:v', 'mjpeg', '-q:v', jpegScale(sprite.quality), '-threads', '1'],
          ...['-frames:v', String(sprite.sheets), '-f', 'image2', '-start_number', '0'],
        ],
      },
    ],
    makes: {
      ...{ width: sprite.width, height: sprite.height, fps: `1/${sprite.interval}` },
      // A sheet counts as long as all of its tiles, also those for which the video has no time.
      beyondSeconds: sprite.interval * sprite.columns * sprite.rows,
    },
    finish: async ({ partOf, measure }) => {
      for (const sheet of sheets) checkSheet(await readSheet(partOf(sheet)), size);
      const made: VideoFile[] = [];
      for (const [index, sheet] of sheets.entries()) {
        made.push({ name: sheetOf(index), role: 'sprite', mime: 'image/jpeg', ...size, ...(await measure(sheet)) });
      }
      // The cues name the sheets, whose names follow from what is in them.
      const called = made.map(sheetName);
      await writeFile(
        partOf(STORYBOARD),
        storyboard(sprite, pictureSeconds(probe), (sheet) => called[sheet] ?? ''),
      );
      return [...made, { name: 'storyboard', role: 'storyboard', mime: 'text/vtt', ...(await measure(STORYBOARD)) }];
    },
  };
}

async function readSheet(sheet: string): Promise<Buffer> {
  try {
    return await readFile(sheet);
  } catch (error) {
    throw new DarkroomError('CorruptMedia', 'The video is cut short: pictures for its storyboard are missing.', {
      cause: String(error),
    });
  }
}

function checkSheet(bytes: Buffer, wanted: { width: number; height: number }): void {
  const { width, height } = pictureSize(bytes, 'jpeg');
  if (width !== wanted.width || height !== wanted.height) {
    throw badOutput('The encoder wrote another storyboard than was asked for.', { width, height });
  }
}
