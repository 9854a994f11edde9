import { copyFile, mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import sharp from 'sharp';
import type { Config } from '../../common/config';
import { availableCores } from '../../common/cores';
import { DarkroomError } from '../../common/errors';
import { forEachBounded } from '../../common/for-each-bounded';
import { makeFilm } from '../../media/image/film';
import { ImagePool, type ImageTask } from '../../media/image/pool';
import { watermarksOf } from '../../media/presets';
import { galleryPage } from './page';
import type { FfmpegSettings } from '../../media/video';
import { allVariants, type Shown, type ShownGroup, type Variant } from './variants';

/**
 * Makes every variant of one photo by the image children, and a page of all of them: `index.html` in `folder`, with all its
 * pictures beside it. Files of an earlier gallery there are replaced.
 * @returns what is on the page
 */
export async function makeGallery(config: Config, photo: string, folder: string): Promise<ShownGroup[]> {
  await mkdir(folder, { recursive: true });
  const groups = (await allVariants()).map((group) => ({ ...group, variants: group.variants.map(unmade) }));
  const settings: FfmpegSettings = {
    ...{ ffmpegPath: config.ffmpegPath ?? 'ffmpeg', ffprobePath: config.ffprobePath ?? 'ffprobe' },
    ...{ threads: 1, stallMs: config.ffmpegStall, maxMemory: 2 ** 31 },
  };
  const moving = path.join(folder, MOVING);
  await writeFile(moving, await panned(photo));
  const logo = path.join(folder, LOGO);
  await writeFile(logo, await ring());
  const pool = new ImagePool({ size: availableCores(), timeoutMs: config.imageTimeout, maxRssBytes: 2 ** 31 });
  try {
    const make = async (shown: Shown): Promise<void> => {
      const { renditions, animation } = shown.preset;
      const task: ImageTask = {
        ...{
          input: animation === 'keep' ? moving : photo,
          outputDir: folder,
          preset: shown.preset,
          watermarks: Object.fromEntries(watermarksOf({ image: shown.preset }, 'image').map((uri) => [uri, logo])),
          allowSvg: config.allowSvg,
        },
        limits: { maxPixels: config.maxPixels, maxFrames: config.maxFrames },
      };
      try {
        const { files, frames, warnings } = await pool.run(task);
        const films = frames.map((each) => makeFilm(each, renditions[0]!, { outputDir: folder, settings }));
        shown.file = files[0] ?? (await films[0]);
        shown.notes.push(...warnings);
      } catch (error) {
        if (!(error instanceof DarkroomError)) throw error;
        shown.notes.push(error.message);
      }
    };
    await forEachBounded(
      groups.flatMap(({ variants }) => variants),
      availableCores(),
      make,
    );
  } finally {
    await pool.close();
    await Promise.all([moving, logo].map((file) => rm(file, { force: true })));
  }
  const original = `original${path.extname(photo).toLowerCase()}`;
  await rm(path.join(folder, original), { force: true });
  await copyFile(photo, path.join(folder, original));
  await writeFile(path.join(folder, 'index.html'), galleryPage(groups, original));
  return groups;
}

const unmade = (variant: Variant): Shown => ({ ...variant, notes: [] });

/** What stands for each watermark, while the gallery is made: a white ring. */
const LOGO = 'logo.png';

async function ring(): Promise<Buffer> {
  const side = 256;
  const pixels = Buffer.alloc(side * side * 4, 255);
  for (let at = 0; at < side * side; at++) {
    const radius = Math.hypot((at % side) + 0.5 - side / 2, Math.floor(at / side) + 0.5 - side / 2);
    pixels[at * 4 + 3] = radius < side / 2 && radius > side / 3 ? 255 : 0;
  }
  return sharp(pixels, { raw: { width: side, height: side, channels: 4 } })
    .png()
    .toBuffer();
}

/** The photo in motion, while the gallery is made. */
const MOVING = 'moving.webp';

/** A pan over the photo: twelve frames, each of three quarters of its width. */
async function panned(photo: string): Promise<Buffer> {
  const [across, down, steps] = [480, 240, 12];
  const wide = await sharp(photo)
    .autoOrient()
    .resize({ width: (across * 4) / 3, height: down, fit: 'cover' })
    .png()
    .toBuffer();
  const frames = Array.from({ length: steps }, (_, step) => {
    const left = Math.round((across / 3 / (steps - 1)) * step);
    return sharp(wide).extract({ left, top: 0, width: across, height: down }).png().toBuffer();
  });
  return sharp(await Promise.all(frames), { join: { animated: true } })
    .webp({ delay: Array<number>(steps).fill(120), quality: 90 })
    .toBuffer();
}
