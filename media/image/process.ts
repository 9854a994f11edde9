import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { ImagePreset, ImageRenditionSpec } from '../presets/schema';
import { DarkroomError } from '../../common/errors';
import { extensionOf } from '../../common/file-types';
import { formatRow, formatsThat, isDrawn, isFilm, type DrawnFormat, type ImageFormat } from '../formats';
import { visibleBounds } from './edit/bounds';
import { encodeFrames, writeFrames } from './edit/frames';
import type { Rect } from './edit/layout';
import { encodeReaching, searches } from './edit/reach';
import { draw, planOf, resizeOf, type Plan } from './edit/render';
import { resizesOf, type Resize, type Resizer } from './edit/resizes';
import { openWatermarks } from './edit/watermark';
import { encode, type Encoded } from './encode';
import { decodeFailure, fileFailure } from './failures';
import { encodeHdr, hdrWarnings } from './hdr';
import { keptMetadata, type Kept } from './metadata';
import { withSvg } from './loaders';
import { smaller } from './original';
import { identify, openSource, type Identity, type OpenSource } from './source';
import { openStill, type Still } from './still';
import { looksOf, thumbnailOf } from './thumbnail';
import type { Frames, ImageFile, ImageOutcome, ImageTask } from './types';
import { withProfile } from './wide';

/**
 * Makes every rendition of one image. Runs in a child process (`child.ts`), one image at a time.
 * Metadata (GPS, camera, comments) is left out of all renditions, but for what the preset keeps.
 * @throws DarkroomError
 */
export async function processImage(task: ImageTask): Promise<ImageOutcome> {
  const identity = await identify(task);
  const work = () => renderAll(task, identity);
  try {
    return await (identity.format === 'svg' ? withSvg(work) : work());
  } catch (error) {
    const mended = await withEndMarker(identity, error);
    if (mended === undefined) throw decodeFailure(error, identity.name);
    // Cut within its pixels it fails again, and then for the first reason.
    return renderAll(task, mended).catch(() => {
      throw decodeFailure(error, identity.name);
    });
  }
}

/** A JPEG that lacks nothing but its end marker is whole; the marker is put there. */
async function withEndMarker(identity: Identity, error: unknown): Promise<Identity | undefined> {
  if (identity.format !== 'jpeg' || !/premature end|unexpected end/i.test(String(error))) return undefined;
  const bytes = await readFile(identity.input);
  return { ...identity, input: Buffer.concat([bytes, Buffer.from([0xff, 0xd9])]), isMended: true };
}

/** A sentence for each rendition that is larger than it may be at the worst quality. */
function overBudget(files: ImageFile[], { renditions }: ImagePreset): string[] {
  return renditions.flatMap(({ name, maxBytes = Infinity }) =>
    files
      .filter((file) => file.name === name && file.bytes > maxBytes)
      .map(({ bytes }) => `${name} has ${bytes} bytes at the lowest quality; maxBytes is ${maxBytes}.`),
  );
}

async function renderAll(task: ImageTask, identity: Identity): Promise<ImageOutcome> {
  const timings: Record<string, number> = {};
  const startedAt: Record<string, number> = {};
  const timed = async <T>(name: string, work: () => Promise<T>): Promise<T> => {
    const start = performance.now();
    startedAt[name] = Math.round(performance.timeOrigin + start);
    const result = await work();
    timings[name] = Math.round((performance.now() - start) * 10) / 10;
    return result;
  };
  const { preset, outputDir } = task;
  const [source, still, plans] = await timed('decode', async () => {
    const source = await openSource(identity, task.limits);
    const opened = { ...source, faces: task.faces, watermarks: await openWatermarks(task) };
    const stills = preset.renditions.filter((spec) => !isFilm(spec.format) && !moves(opened, task, spec));
    const still = await openStill(opened, preset, stills, task.limits);
    const plans = new Map<ImageRenditionSpec, Plan>();
    for (const spec of stills) plans.set(spec, await planOf(opened, still, preset, spec));
    return [opened, still, plans] as const;
  });
  const thumbnail = thumbnailOf(still);
  const drawing = { still, plans, resizes: resizesOf(still, [...resizesIn(still, plans), thumbnail]) };
  const kept = await keptMetadata(source, task.input, preset.metadata);
  const looks = await timed('placeholder', async () => looksOf(await drawing.resizes(thumbnail), preset.blurhash));

  // A rendition is written while the next one is encoded; all writes have ended before this returns or throws.
  const writes: Promise<ImageFile>[] = [];
  const frames: Frames[] = [];
  const unmoved = withoutFilm(source, task);
  try {
    for (const spec of preset.renditions) {
      const animate = moves(source, task, spec);
      if (isFilm(spec.format) && !animate) continue;
      if (isDrawnSpec(spec) && animate) {
        const file = path.resolve(outputDir, `${spec.name}.frames`);
        frames.push(await timed(`${spec.name}: frames`, () => writeFrames(source, preset, spec, file)));
        continue;
      }
      const encoded = await timed(spec.name, () =>
        animate ? encodeFrames(source, preset, spec, kept) : encodeStill(source, drawing, task, spec, kept),
      );
      const bounds = task.bounds && (await visibleBounds(encoded.data));
      const write = save(outputDir, spec.name, spec.format as ImageFormat, encoded, bounds);
      // A write may fail while the next rendition is encoded: without a handler from its start, Node would end the process.
      write.catch(() => undefined);
      writes.push(write);
    }
  } finally {
    await Promise.allSettled(writes);
  }
  const files = await Promise.all(writes);
  const warnings = [
    ...source.warnings,
    ...unmoved,
    ...hdrWarnings(source, preset.renditions),
    ...standingStill(source, task),
    ...overBudget(files, preset),
  ];
  return { source: source.facts, files, frames, ...looks, warnings, timings, startedAt };
}

/** Does this rendition keep the source's movement? No decoder turns many frames by EXIF. */
function moves(source: OpenSource, task: ImageTask, spec: ImageRenditionSpec): boolean {
  return (
    task.preset.animation === 'keep' &&
    formatRow(spec.format).animation &&
    !needsStill(spec) &&
    source.animated &&
    (source.metadata.orientation ?? 1) === 1
  );
}

function isDrawnSpec(spec: ImageRenditionSpec): spec is ImageRenditionSpec & { format: DrawnFormat } {
  return isDrawn(spec.format);
}

/** Fields of which the encoder of an AVIF that moves knows nothing. */
const STILL_FIELDS = ['maxBytes', 'target', 'lossless', 'hdr'] as const;
const needsStill = (spec: ImageRenditionSpec): boolean =>
  spec.format === 'avif' && STILL_FIELDS.some((field) => spec[field] !== undefined && spec[field] !== false);

/**
 * A sentence for the videos that are not made, since the source does not move.
 * @throws DarkroomError UnsupportedMedia where nothing else is to be made
 */
function withoutFilm(source: OpenSource, task: ImageTask): string[] {
  const { renditions } = task.preset;
  const missing = renditions.filter((spec) => isFilm(spec.format) && !moves(source, task, spec));
  if (missing.length === 0) return [];
  const reason = source.animated ? 'an animation that has to be turned is not kept' : 'the picture does not move';
  if (missing.length === renditions.length) {
    throw new DarkroomError('UnsupportedMedia', `All renditions of the preset are videos, and ${reason}.`);
  }
  const names = missing.map(({ name }) => name).join(', ');
  return [`There is no video ${names}: ${reason}.`];
}

/** A sentence where the preset keeps movement and some renditions cannot. */
function standingStill(source: OpenSource, task: ImageTask): string[] {
  const still = task.preset.renditions
    .filter((spec) => !isFilm(spec.format) && !moves(source, task, spec))
    .map(({ name }) => name);
  if (task.preset.animation !== 'keep' || !source.animated || still.length === 0) return [];
  const shown = `Only the first frame is in ${still.join(', ')}`;
  if ((source.metadata.orientation ?? 1) !== 1) return [`${shown}: an animation that has to be turned is not kept.`];
  const hindered = still.filter((name) =>
    task.preset.renditions.some((spec) => spec.name === name && needsStill(spec)),
  );
  if (hindered.length === still.length) return [`${shown}: an AVIF with ${STILL_FIELDS.join(', ')} stands still.`];
  return [`${shown}: of the formats, only ${formatsThat(({ animation }) => animation)} keep the movement here.`];
}

/** All that renditions are drawn of. */
interface Drawing {
  still: Still;
  plans: ReadonlyMap<ImageRenditionSpec, Plan>;
  resizes: Resizer;
}

const isHdr = (still: Still, { hdr }: ImageRenditionSpec): boolean => hdr === 'keep' && still.hdr !== undefined;

/** The resizes that renditions need; those in high dynamic range have a still of their own. */
function resizesIn(still: Still, plans: Drawing['plans']): Resize[] {
  return [...plans].flatMap(([spec, plan]) => (isHdr(still, spec) ? [] : [resizeOf(still, plan, spec)]));
}

async function encodeStill(
  source: OpenSource,
  { still, plans, resizes }: Drawing,
  { preset, input }: ImageTask,
  spec: ImageRenditionSpec,
  kept: Kept,
) {
  const plan = plans.get(spec);
  if (plan === undefined) throw new TypeError(`The rendition ${spec.name} was not planned.`);
  if (spec.hdr === 'keep' && still.hdr) {
    const deep = { ...still, pipeline: still.hdr.pipeline };
    return encodeHdr(await draw(deep, plan, spec, resizesOf(deep, []), source.watermarks), spec, still.hdr, kept);
  }
  const picture = await draw(still, plan, spec, resizes, source.watermarks);
  const encoded = searches(spec)
    ? await encodeReaching(await withProfile(picture), spec, kept)
    : await encode(picture, spec, kept);
  return smaller(source, input, preset, spec, kept, encoded);
}

async function save(
  folder: string,
  name: string,
  format: ImageFormat,
  { data, info, reached, original }: Encoded,
  bounds?: Rect,
): Promise<ImageFile> {
  const { mime } = formatRow(format);
  const file = path.resolve(folder, `${name}.${extensionOf(mime)}`);
  const sha256 = createHash('sha256').update(data).digest('hex');
  await writeFile(file, data).catch((error: unknown) => {
    throw fileFailure(error, 'output');
  });
  const height = info.pageHeight ?? info.height;
  const frames = info.pages !== undefined && info.pages > 1 ? { frames: info.pages } : {};
  return {
    name,
    file,
    format,
    mime,
    width: info.width,
    height,
    bytes: data.length,
    sha256,
    ...frames,
    ...(bounds && { bounds }),
    ...(reached && { reached }),
    ...(original && { original }),
  };
}
