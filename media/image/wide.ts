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

/**
 * A picture in Display P3, 8 bits. sharp brings pixels of 8 bits to sRGB before anything else, which cuts off what is outside of
 * it, and pixels of 16 bits to Display P3: so they get 16 bits on the way.
 * @param picture in the colours of its own profile, which it keeps
 */
export async function inP3(picture: Sharp): Promise<(profile?: boolean) => Sharp> {
  const deep = await picture.toColourspace('rgb16').tiff({ compression: 'none', predictor: 'none' }).toBuffer();
  return withProfile(sharp(deep, { limitInputPixels: false }).toColourspace('srgb').withIccProfile('p3'));
}
