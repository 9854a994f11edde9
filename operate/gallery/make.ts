import { copyFile, mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Config } from '../../common/config';
import { availableCores } from '../../common/cores';
import { DarkroomError } from '../../common/errors';
import { forEachBounded } from '../../common/for-each-bounded';
import { ImagePool, type ImageTask } from '../../media/image/pool';
import { galleryPage } from './page';
import { allVariants, type Shown, type ShownGroup, type Variant } from './variants';

/**
 * Makes every variant of one photo by the image children, and a page of all of them: `index.html` in `folder`, with all its
 * pictures beside it. Files of an earlier gallery there are replaced.
 * @returns what is on the page
 */
export async function makeGallery(config: Config, photo: string, folder: string): Promise<ShownGroup[]> {
  await mkdir(folder, { recursive: true });
  const groups = (await allVariants()).map((group) => ({ ...group, variants: group.variants.map(unmade) }));
  const pool = new ImagePool({ size: availableCores(), timeoutMs: config.imageTimeout, maxRssBytes: 2 ** 31 });
  try {
    const make = async (shown: Shown): Promise<void> => {
      const task: ImageTask = {
        ...{ input: photo, outputDir: folder, preset: shown.preset, allowSvg: config.allowSvg },
        limits: { maxPixels: config.maxPixels, maxFrames: config.maxFrames },
      };
      try {
        const { files, warnings } = await pool.run(task);
        shown.file = files[0];
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
  }
  const original = `original${path.extname(photo).toLowerCase()}`;
  await rm(path.join(folder, original), { force: true });
  await copyFile(photo, path.join(folder, original));
  await writeFile(path.join(folder, 'index.html'), galleryPage(groups, original));
  return groups;
}

const unmade = (variant: Variant): Shown => ({ ...variant, notes: [] });
