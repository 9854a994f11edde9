import { createHash } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { parse, YAMLParseError } from 'yaml';
import type { JobInput, Preset } from '../../common/contracts';
import { KINDS, MEDIA_KINDS, type MediaKind } from '../../common/kinds';
import { DarkroomError } from '../../common/errors';
import type { ModelName } from '../../common/models';
import { formatPath } from './path';
import { presetFile, type PresetSections } from './schema';

export { INLINE, inlinePreset, MAX_PIXELS, pixelsAsked, withOptions } from './adjust';

/** Changes when Darkroom itself makes other files from the same preset, so that old outputs count as outdated. */
const RECIPE_VERSION = 1;

/** No path leads out of the folder. */
const PLAIN_NAME = /^[^/\\\0]+$/;

/** Names of the presets in a folder, sorted. */
export async function listPresets(folder: string): Promise<string[]> {
  const files = await readdir(folder);
  return files
    .filter((file) => file.endsWith('.yaml'))
    .map((file) => path.basename(file, '.yaml'))
    .sort();
}

/**
 * Reads and checks `<folder>/<name>.yaml`; defaults are filled in.
 * @throws DarkroomError InvalidJob that names the file and the offending path in it.
 */
export async function loadPreset(folder: string, name: string): Promise<Preset> {
  const known = await listPresets(folder);
  if (!known.includes(name)) {
    throw new DarkroomError('InvalidJob', `There is no preset "${name}"; there are ${known.join(', ')}.`);
  }
  return parsePreset(name, await readFile(path.join(folder, `${name}.yaml`), 'utf8'));
}

/**
 * The presets of a folder for a process that stays up: a file is read again when it has changed, so that an edited preset,
 * or the mistake in it, counts from the next call on.
 */
export function presetsOf(folder: string): (name: string) => Promise<Preset> {
  const known = new Map<string, { version: string; preset: Preset }>();
  return async (name) => {
    const version = await versionOf(folder, name);
    const before = known.get(name);
    if (before !== undefined && before.version === version) return before.preset;
    const preset = await loadPreset(folder, name);
    // Callers name what they like: only what exists is kept.
    known.set(name, { version: version ?? '', preset });
    return preset;
  };
}

/** Changes whenever the file does, also where an editor or a mounted ConfigMap puts another file in its place. */
async function versionOf(folder: string, name: string): Promise<string | undefined> {
  if (!PLAIN_NAME.test(name)) return undefined;
  const found = await stat(path.join(folder, `${name}.yaml`), { bigint: true }).catch(() => undefined);
  return found && [found.ino, found.mtimeNs, found.size].join();
}

/**
 * The section of a preset that says what to make of one kind.
 * @throws DarkroomError InvalidJob where the preset has none
 */
export function sectionOf<Kind extends MediaKind>(preset: Preset, kind: Kind): NonNullable<Preset[Kind]> {
  const section = preset[kind];
  if (section !== undefined) return section;
  const others = MEDIA_KINDS.filter((other) => preset[other] !== undefined).map((other) => KINDS[other].plural);
  throw new DarkroomError(
    'InvalidJob',
    `The preset "${preset.name}" is for ${others.join(' and ')} only; choose one for ${KINDS[kind].plural}.`,
  );
}

/** The models that a preset asks for any kind. */
export function modelsOf({ image, video, audio }: Preset): ModelName[] {
  return [...new Set([image, video, audio].flatMap((section): ModelName[] => section?.analyse ?? []))];
}

/** URIs of the watermarks that what is made of a kind bears, each once; without a kind, of all of them. */
export function watermarksOf({ image, video }: PresetSections, kind?: MediaKind): string[] {
  const images = kind === 'video' ? [] : (image?.renditions ?? []).map(({ watermark }) => watermark);
  const videos = kind === 'image' ? [] : [video?.watermark];
  const marks = kind === 'audio' ? [] : [...images, ...videos];
  return [...new Set(marks.flatMap((mark) => mark?.source ?? []))];
}

/** The pure part of `loadPreset`. */
export function parsePreset(name: string, yaml: string): Preset {
  const file = `presets/${name}.yaml`;
  const checked = presetFile.safeParse(readYaml(file, yaml));
  if (!checked.success) {
    const problems = checked.error.issues.map((issue) => `${formatPath(issue.path)}: ${issue.message}`);
    throw new DarkroomError('InvalidJob', `${file}: ${problems.join('; ')}`);
  }
  return { name, ...checked.data };
}

function readYaml(file: string, yaml: string): unknown {
  try {
    return parse(yaml);
  } catch (error) {
    if (!(error instanceof YAMLParseError)) throw error;
    throw new DarkroomError('InvalidJob', `${file}: ${error.message.split('\n')[0] ?? 'not YAML'}`);
  }
}

/**
 * Ten hex digits that change whenever the outputs of this kind would: part of every output's name, and compared with a
 * manifest's to know whether an item is up to date.
 */
export function recipeHash(preset: Preset, kind: MediaKind, inputs?: readonly JobInput[]): string {
  const { cacheControl } = preset;
  // What was absent before is left out, so that earlier outputs keep their hash.
  const more = [...(inputs ? [sorted(inputs)] : []), ...(cacheControl === undefined ? [] : [{ cacheControl }])];
  const canonical = JSON.stringify([RECIPE_VERSION, kind, sorted(preset[kind]), ...more]);
  return createHash('sha256').update(canonical).digest('hex').slice(0, 10);
}

/** The same value with every object's keys in order, so that the order in the file does not matter. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, entry]) => [key, sorted(entry)]));
}
