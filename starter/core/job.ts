import { buffer } from 'node:stream/consumers';
import { z } from 'zod';
import { DEFAULT_PRIORITY, type MediaJob, type Preset, type Priority } from '../../common/contracts';
import { DEFAULT_KIND, KINDS, MEDIA_KINDS, possibleKinds, type MediaKind } from '../../common/kinds';
import type { SubmitMode, WorkItem } from '../../common/contracts';
import { DarkroomError } from '../../common/errors';
import { inlinePreset, recipeHash, sectionOf, withOptions } from '../../media/presets';
import { focus } from '../../media/presets/image';
import { languageTag } from '../../media/video/captions/languages';
import { sniff, SNIFF_BYTES } from '../../media/sniff';
import { joinUri, type Storage } from '../../storage';
import { itemKey } from './keys';

const uri = z
  .string()
  .max(8192)
  .regex(/^[a-z][a-z0-9+.-]*:/i, 'expected a URI such as file:///…, s3://… or https://…');

/** A file that belongs to the source. */
const input = z.strictObject({
  role: z.literal('captions'),
  language: z
    .string()
    .refine((tag) => languageTag(tag) !== undefined, 'a language such as en, de or pt-BR')
    .describe('RFC 5646'),
  source: uri,
  forced: z.boolean().optional().describe('Only what everybody has to read, such as signs'),
  sdh: z.boolean().optional().describe('For the deaf and hard of hearing'),
});

/** What a user may ask for: one line of a list, or the body of `POST /v1/jobs`. Unknown fields are refused. */
export const mediaJob = z.strictObject({
  id: z.string().min(1).max(500).optional(),
  kind: z.enum(MEDIA_KINDS).optional(),
  source: uri,
  output: uri.optional(),
  preset: z
    .union([z.string().min(1).max(64), z.record(z.string(), z.unknown())], {
      error: 'the name of a preset, or a preset: { "image": { … } }',
    })
    .optional()
    .describe('Name of a preset, or a preset itself, as a file of presets holds it'),
  options: z
    .record(z.string().max(100), z.unknown())
    .optional()
    .describe('Fields of image renditions that replace those of the preset, such as quality'),
  inputs: z
    .array(input)
    .min(1)
    .max(40)
    .optional()
    .describe('Files that belong to the source: captions of a video, as SRT, WebVTT or ASS'),
  focus: focus.optional().describe('What matters in the picture, in fractions of the upright picture'),
  priority: z.literal([1, 2, 3, 4, 5]).optional(),
  tenant: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/, 'letters, digits, dots, dashes and underscores, 63 at most')
    .optional(),
  metadata: z
    .record(z.string().max(100), z.string().max(2000))
    .refine((words) => Object.keys(words).length <= 50, 'more than 50 entries')
    .optional(),
  callbackUrl: z
    .url({ protocol: /^https?$/ })
    .max(2048)
    .optional(),
}) satisfies z.ZodType<MediaJob>;

/** @throws DarkroomError InvalidJob that names each offending field. */
export function parseJob(value: unknown): MediaJob {
  const checked = mediaJob.safeParse(value);
  if (checked.success) return checked.data;
  const problems = checked.error.issues.map(({ path, message }) =>
    path.length === 0 ? message : `${path.map(String).join('.')}: ${message}`,
  );
  throw new DarkroomError('InvalidJob', `The job is wrong: ${problems.join('; ')}.`);
}

/** The same, for a list in which a bad job is that job's trouble only. */
export function jobOrError(value: unknown): MediaJob | DarkroomError {
  try {
    return parseJob(value);
  } catch (error) {
    if (error instanceof DarkroomError) return error;
    throw error;
  }
}

/** What holds for every job that does not say otherwise. */
export interface JobDefaults {
  batchId: string;
  /** URI prefix. */
  output: string;
  preset: string;
  priority?: Priority;
  tenant?: string;
  /** Default: `batch`. */
  mode?: SubmitMode;
}

/** Finds a preset by its name; the same name must give the same preset during one submission. */
export type PresetSource = (name: string) => Promise<Preset>;

/** What resolving a job needs from the outside. */
export interface JobContext {
  presets: PresetSource;
  storage: Storage;
}

/** Reads each preset once: for one submission, since its jobs must agree. */
export function cachedPresets(load: PresetSource): PresetSource {
  const known = new Map<string, Promise<Preset>>();
  return (name) => {
    const preset = known.get(name) ?? load(name);
    known.set(name, preset);
    // Callers name what they like: only what exists is kept.
    preset.catch(() => known.delete(name));
    return preset;
  };
}

/**
 * Fills a job in to what a workflow gets.
 * @throws DarkroomError InvalidJob when the preset is unknown or has no section for this kind
 */
export async function resolveJob(
  job: MediaJob,
  defaults: JobDefaults,
  { presets, storage }: JobContext,
): Promise<WorkItem> {
  const preset = await presetFor(job, defaults.preset, presets);
  const kind = job.kind ?? (await guessKind(job.source, storage));
  const key = itemKey(job.source, job.id);
  const inputs = kind === 'video' ? job.inputs : undefined;
  if (job.inputs && !inputs)
    throw new DarkroomError('InvalidJob', 'The job is wrong: inputs: captions are for videos.');
  return {
    batchId: defaults.batchId,
    itemKey: key,
    kind,
    source: job.source,
    output: joinUri(job.output ?? defaults.output, key),
    preset: sectionsFor(preset, kind),
    ...(inputs && { inputs }),
    recipe: recipeHash(preset, kind, inputs),
    priority: job.priority ?? defaults.priority ?? DEFAULT_PRIORITY,
    tenant: job.tenant ?? defaults.tenant ?? 'default',
    metadata: job.metadata,
    callbackUrl: job.callbackUrl,
    mode: defaults.mode,
  };
}

/** The preset of a job, with what the job itself wishes otherwise. */
async function presetFor({ preset, options, focus: matters }: MediaJob, fallback: string, presets: PresetSource) {
  const whole = typeof preset === 'object' ? inlinePreset(preset) : await presets(preset ?? fallback);
  return options || matters ? withOptions(whole, { ...(matters && { focus: matters }), ...options }) : whole;
}

/** The parts of a preset that the item may need; the others would only swell its history. */
function sectionsFor(preset: Preset, kind: MediaKind): Preset {
  const { name, adjusted, cacheControl } = preset;
  const own = { ...(adjusted && { adjusted }), ...(cacheControl !== undefined && { cacheControl }) };
  const sections: Preset = { name, ...own, [kind]: sectionOf(preset, kind) };
  const others = possibleKinds(kind).filter((other) => preset[other] !== undefined);
  return Object.assign(sections, ...others.map((other) => ({ [other]: preset[other] }))) as Preset;
}

/** By the first bytes where they can be read from here at once, else by the name; the worker sniffs again. */
async function guessKind(source: string, storage: Storage): Promise<MediaKind> {
  if (/^file:/i.test(source)) {
    try {
      const { stream } = await storage.openRead(source, { range: { start: 0, end: SNIFF_BYTES - 1 } });
      const kind = sniff(await buffer(stream))?.kind;
      const known = MEDIA_KINDS.find((name) => name === kind);
      if (known !== undefined) return known;
    } catch {
      // Missing, empty, forbidden or on another machine: the worker has the right words for it.
    }
  }
  const extension = /\.(\w+)$/.exec(source.replace(/[?#].*$/, ''))?.[1]?.toLowerCase() ?? '';
  return MEDIA_KINDS.find((kind) => KINDS[kind].extensions.some((own) => own === extension)) ?? DEFAULT_KIND;
}
