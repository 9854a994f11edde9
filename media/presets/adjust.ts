import type { Preset } from '../../common/contracts';
import { DarkroomError } from '../../common/errors';
import { IMAGE_FIELDS, RENDITION_FIELDS } from './image';
import { formatPath } from './path';
import { presetFile, type ImageRenditionSpec } from './schema';
import { VIDEO_FIELDS } from './video';

/** Name of a preset that a job brings along. */
export const INLINE = 'inline';

/** px that the renditions of a job's own preset or options may ask for in all. A preset file is the operator's, and free. */
export const MAX_PIXELS = 400_000_000;

/**
 * A preset that a job brings along, checked like a file.
 * @throws DarkroomError InvalidJob with the path of what is wrong: `preset.image.renditions[0].width`
 */
export function inlinePreset(value: unknown): Preset {
  return checked(INLINE, value, (path, message) => `${formatPath(['preset', ...path])}: ${message}`);
}

/**
 * A preset with fields replaced: those of a rendition in every image rendition, those of the sections of images and videos
 * there.
 * @throws DarkroomError InvalidJob with the path of what is wrong: `options.quality`
 */
export function withOptions(preset: Preset, options: Record<string, unknown>): Preset {
  const { name, image, video, audio, cacheControl } = preset;
  if (Object.keys(options).length === 0) return preset;
  const known: string[] = [...RENDITION_FIELDS, ...IMAGE_FIELDS, ...VIDEO_FIELDS];
  const unknown = Object.keys(options).find((field) => !known.includes(field));
  if (unknown !== undefined)
    throw invalid(`options.${unknown}: there is no such option; there are ${known.join(', ')}`);
  const own = (fields: readonly string[]) =>
    Object.fromEntries(Object.entries(options).filter(([field]) => fields.includes(field)));
  const lacks = (section: object | undefined, fields: readonly string[]) =>
    section === undefined && Object.keys(own(fields)).length > 0;
  if (lacks(image, [...RENDITION_FIELDS, ...IMAGE_FIELDS])) throw invalid(without(name, 'images'));
  if (lacks(video, VIDEO_FIELDS)) throw invalid(without(name, 'videos'));
  const renditions = image?.renditions.map((spec) => ({ ...spec, ...own(RENDITION_FIELDS) }));
  const changed = {
    ...(image && { image: { ...image, ...own(IMAGE_FIELDS), renditions } }),
    ...(video && { video: { ...video, ...own(VIDEO_FIELDS) } }),
    ...(audio && { audio }),
    ...(cacheControl !== undefined && { cacheControl }),
  };
  return checked(name, changed, (path, message) => {
    if (path[1] !== 'renditions') return `${formatPath(['options', ...path.slice(1)])}: ${message}`;
    const where = path.length > 2 ? ` (${formatPath(path.slice(0, 3))} of the preset "${name}")` : '';
    return `${formatPath(['options', ...path.slice(3)])}: ${message}${where}`;
  });
}

function without(preset: string, what: string): string {
  return `options: the preset "${preset}" makes no ${what}, and these options are for ${what}`;
}

/** @param sentence for a problem at a path of the preset */
function checked(name: string, value: unknown, sentence: (path: PropertyKey[], message: string) => string): Preset {
  const { success, data, error } = presetFile.safeParse(value);
  if (!success) {
    const problems = new Set(error.issues.map(({ path, message }) => sentence(path, message)));
    throw invalid([...problems].join('; '));
  }
  const pixels = pixelsAsked(data);
  if (pixels > MAX_PIXELS) {
    const asked = `${Math.round(pixels / 1e6)} million px in all; a job of its own wishes may ask for ${MAX_PIXELS / 1e6}`;
    throw invalid(sentence(['image', 'renditions'], `the renditions ask for ${asked}`));
  }
  return { name, adjusted: true, ...data };
}

/** px that the renditions of images ask for in all, whatever the source has. */
export function pixelsAsked({ image }: Pick<Preset, 'image'>): number {
  return (image?.renditions ?? []).reduce((sum, spec) => sum + pixelsOf(spec), 0);
}

function pixelsOf({ width, height, dpr = 1 }: ImageRenditionSpec): number {
  return (width ?? height ?? 0) * (height ?? width ?? 0) * dpr * dpr;
}

function invalid(problem: string): DarkroomError {
  return new DarkroomError('InvalidJob', `The job is wrong: ${problem}.`);
}
