import { readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { DarkroomError } from '../../../common/errors';
import { spriteCommand } from '../args';
import { runFfmpeg } from '../ffmpeg';
import type { SpritePlan, StepInput, VideoFile } from '../types';
import { badOutput, fileFacts, finished } from './finish';
import { pictureSize } from './picture';
import { storyboard } from './storyboard';

export interface SpriteInput extends StepInput {
  sprite: SpritePlan;
  /** What the cues call a finished sheet: its published name, relative to the storyboard. */
  sheetName: (sheet: VideoFile) => string;
}

const sheetOf = (index: number) => `sprite-${index}`;

/** Sheets of thumbnails (`sprite-0.jpg`, …) and the WebVTT storyboard over them (`storyboard.vtt`), the storyboard last. */
export async function makeSprite(step: SpriteInput): Promise<VideoFile[]> {
  const { sprite, probe } = step;
  const names = Array.from({ length: sprite.sheets }, (_, index) => `${sheetOf(index)}.jpg`);
  const size = { width: sprite.width * sprite.columns, height: sprite.height * sprite.rows };
  const { result } = await finished(step.outputDir, [...names, 'storyboard.vtt'], async (parts, files) => {
    await drawSheets(step, parts);
    const sheets: VideoFile[] = [];
    for (const [index, name] of names.entries()) {
      const facts = { file: files[index] ?? name, ...(await fileFacts(parts[index] ?? name, step)) };
      sheets.push({ name: sheetOf(index), role: 'sprite', mime: 'image/jpeg', ...size, ...facts });
    }
    // The cues name the sheets, whose names follow from what is in them.
    const called = sheets.map(step.sheetName);
    const [part = '', file = ''] = [parts[sprite.sheets], files[sprite.sheets]];
    const duration = probe.video.durationSeconds ?? probe.durationSeconds;
    await writeFile(
      part,
      storyboard(sprite, duration, (sheet) => called[sheet] ?? ''),
    );
    const text: VideoFile = {
      name: 'storyboard',
      role: 'storyboard',
      mime: 'text/vtt',
      file,
      ...(await fileFacts(part, step)),
    };
    return [...sheets, text];
  });
  return result;
}

/** ffmpeg numbers its sheets itself, in the work folder's own pattern; each is checked and takes the name that it was given. */
async function drawSheets(step: SpriteInput, parts: string[]): Promise<void> {
  const { input, outputDir, probe, sprite, maxDuration, settings, signal, onProgress } = step;
  const prefix = 'sprite-sheet-';
  // A `%` in the folder's own name would be read as part of the pattern.
  const pattern = path.join(path.resolve(outputDir).replaceAll('%', '%%'), `${prefix}%d`);
  try {
    const command = spriteCommand(input, pattern, probe, sprite, settings.threads, maxDuration);
    await runFfmpeg(command, { settings, signal, onProgress });
    for (let index = 0; index < sprite.sheets; index++) {
      const sheet = path.join(outputDir, `${prefix}${index}`);
      checkSheet(await readSheet(sheet), sprite);
      await rename(sheet, parts[index] ?? sheet);
    }
  } finally {
    const left = (await readdir(outputDir)).filter((name) => name.startsWith(prefix));
    await Promise.all(left.map((name) => rm(path.join(outputDir, name), { force: true })));
  }
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

function checkSheet(bytes: Buffer, sprite: SpritePlan): void {
  const { width, height } = pictureSize(bytes, 'jpeg');
  if (width !== sprite.width * sprite.columns || height !== sprite.height * sprite.rows) {
    throw badOutput('The encoder wrote another storyboard than was asked for.', { width, height });
  }
}
