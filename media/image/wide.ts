import sharp, { type Sharp } from 'sharp';

let known: Promise<Buffer> | undefined;

/** The profile of Display P3 that libvips brings along. */
export function p3Profile(): Promise<Buffer> {
  known ??= (async () => {
    const picture = sharp({ create: { width: 1, height: 1, channels: 3, background: '#fff' } });
    const { icc } = await sharp(await picture.withIccProfile('p3').png().toBuffer()).metadata();
    if (icc === undefined) throw new RangeError('libvips has no profile of Display P3.');
    return icc;
  })();
  return known;
}

/** A file in memory that keeps the profile of its pixels, which raw pixels cannot. Fresh pipelines over it, with it or in sRGB. */
export async function withProfile(picture: Sharp): Promise<(profile?: boolean) => Sharp> {
  const file = await picture.tiff({ compression: 'none', predictor: 'none' }).toBuffer();
  return (profile = true) => {
    const pipeline = sharp(file, { limitInputPixels: false });
    return profile ? pipeline.keepIccProfile() : pipeline.toColourspace('srgb');
  };
}
