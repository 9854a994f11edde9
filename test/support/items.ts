import { randomBytes, randomUUID } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import sharp from 'sharp';
import type { WorkflowHandle } from '@temporalio/client';
import type { Manifest, Preset, WorkItem } from '../../common/contracts';
import { DEFAULT_KIND, KINDS, MEDIA_KINDS } from '../../common/kinds';
import { taskQueue } from '../../common/pools';
import { parsePreset, recipeHash } from '../../media/presets';
import type { Stack } from './stack';

const THUMBNAIL = parsePreset(
  'thumbnail',
  'image: { renditions: [{ name: small, format: webp, width: 64, quality: 70, effort: 0 }] }',
);

/** A JPEG of noise, unlike any other, in the stack's folder. @param side px */
export async function photo(stack: Stack, side = 300): Promise<string> {
  const folder = path.join(stack.home, 'in');
  await mkdir(folder, { recursive: true });
  const file = path.join(folder, `${randomUUID()}.jpg`);
  const pixels = randomBytes(side * side * 3);
  await sharp(pixels, { raw: { width: side, height: side, channels: 3 } })
    .jpeg()
    .toFile(file);
  return file;
}

/** Submits a file as the starter does. */
export async function submit(
  stack: Stack,
  file: string,
  preset: Preset = THUMBNAIL,
): Promise<{ item: WorkItem; handle: WorkflowHandle }> {
  const kind = MEDIA_KINDS.find((each) => preset[each] !== undefined) ?? DEFAULT_KIND;
  const itemKey = randomUUID();
  const item: WorkItem = {
    batchId: 'test',
    itemKey,
    kind,
    source: pathToFileURL(file).href,
    output: pathToFileURL(path.join(stack.home, 'out', itemKey)).href,
    preset,
    recipe: recipeHash(preset, kind),
    priority: 3,
    tenant: 'default',
  };
  const handle = await stack.client.workflow.start(KINDS[kind].workflow, {
    workflowId: `${item.batchId}/${item.itemKey}`,
    taskQueue: taskQueue(stack.config.queuePrefix, 'workflows'),
    args: [item],
  });
  return { item, handle };
}

/** @throws ENOENT where nothing is published */
export async function manifestOf({ output }: WorkItem): Promise<Manifest> {
  return JSON.parse(await readFile(new URL(`${output}/manifest.json`), 'utf8')) as Manifest;
}

/** The queues that the analysis of an item was scheduled on. */
export async function queuesOf(handle: WorkflowHandle): Promise<string[]> {
  const { events = [] } = await handle.fetchHistory();
  return (events ?? []).flatMap(({ activityTaskScheduledEventAttributes: scheduled }) =>
    scheduled?.activityType?.name === 'analyse' ? [scheduled.taskQueue?.name ?? ''] : [],
  );
}
