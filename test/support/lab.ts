import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import type { ActivityDeps } from '../../activities';
import { loadConfig, type Env } from '../../common/config';
import type { Manifest, WorkItem } from '../../common/contracts';
import { createLogger } from '../../common/logger';
import { createMetrics } from '../../common/metrics';
import { ImagePool } from '../../media/image/pool';
import { parsePreset } from '../../media/presets';
import { createStorage, fileUri, type Storage } from '../../storage';
import { settings } from './clips';

/** Activities with real storage, image children and ffmpeg, without a server. */
export interface Lab {
  /** Allowed for sources and outputs. */
  root: string;
  deps: ActivityDeps;
  /** The same with some of the storage's functions replaced. */
  withStorage(over: Partial<Storage>): ActivityDeps;
  close(): Promise<void>;
}

export async function openLab(env: Env = {}): Promise<Lab> {
  const home = await mkdtemp(path.join(os.tmpdir(), 'darkroom-lab-'));
  const root = path.join(home, 'root');
  await mkdir(root);
  const config = loadConfig({
    DARKROOM_HOME: home,
    DARKROOM_ALLOWED_ROOTS: root,
    DARKROOM_SCRATCH_DIR: path.join(home, 'scratch'),
    LOG_LEVEL: 'fatal',
    DARKROOM_REUSE: 'false',
    ...env,
  });
  const images = new ImagePool({ size: 1, timeoutMs: 60_000, maxRssBytes: 2 ** 31 });
  const storage = createStorage(config);
  const deps: ActivityDeps = {
    ...{ config, storage, images, ffmpeg: settings, tools: {} },
    logger: createLogger(config, 'test'),
    metrics: createMetrics('worker'),
  };
  return {
    root,
    deps,
    withStorage: (over) => ({ ...deps, storage: Object.assign(Object.create(storage) as Storage, over) }),
    async close() {
      await images.close();
      storage.close();
      await rm(home, { recursive: true, force: true });
    },
  };
}

const PRESET = parsePreset(
  'lab',
  `
image:
  renditions:
    - { name: small, format: webp, width: 64, quality: 70, effort: 0 }
    - { name: large, format: jpeg, width: 128, quality: 70 }
`,
);

/** An item of the image at `file`, with outputs in `out` of the same folder. */
export function labItem(file: string, over: Partial<WorkItem> = {}): WorkItem {
  return {
    ...{ batchId: 'lab', itemKey: 'item', kind: 'image', source: fileUri(file), preset: PRESET },
    ...{ output: fileUri(path.join(path.dirname(file), 'out')), recipe: '0000000000', priority: 3, tenant: 'default' },
    ...over,
  };
}

/** Runs an activity as one attempt of a run. */
export function attempt<T>(
  work: () => Promise<T>,
  options: { runId?: string; attempt?: number; activityId?: string; environment?: Environment } = {},
): Promise<T> {
  return (options.environment ?? environmentOf(options)).run(work);
}

export type Environment = MockActivityEnvironment;

/** To cancel an attempt by. */
export function environmentOf({
  runId = 'run',
  attempt = 1,
  activityId = '1',
  heartbeatDetails,
}: { runId?: string; attempt?: number; activityId?: string; heartbeatDetails?: unknown } = {}): Environment {
  const info = { attempt, heartbeatDetails, activityId, workflowExecution: { workflowId: 'lab/item', runId } };
  return new MockActivityEnvironment(info, { logger: new DefaultLogger('ERROR') });
}

/** The files of an item's folder, sorted, with the SHA-256 of each; empty where there is no folder. */
export async function filesOf(folder: string): Promise<Record<string, string>> {
  const names = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  const files = names.filter((entry) => entry.isFile()).map((entry) => path.join(entry.parentPath, entry.name));
  const hashed = files.sort().map(async (file) => {
    const hash = createHash('sha256').update(await readFile(file));
    return [path.relative(folder, file), hash.digest('hex')] as const;
  });
  return Object.fromEntries(await Promise.all(hashed));
}

/**
 * The manifest in a folder, after checking that the folder holds what the manifest names, byte by byte, and nothing else.
 * Of a stream it names the first playlist, and each playlist what it leads to.
 */
export async function checkedManifest(folder: string): Promise<Manifest> {
  const manifest = JSON.parse(await readFile(path.join(folder, 'manifest.json'), 'utf8')) as Manifest;
  const { 'manifest.json': _, ...files } = await filesOf(folder);
  const named = manifest.renditions.map(({ path, sha256 }): [string, string] => [path, sha256]);
  const streams = manifest.renditions.filter(({ role, mime }) => role === 'stream' && !mime.includes('dash'));
  const playlists = streams.map(({ path }) => path);
  for (const playlist of playlists) {
    for (const file of await namedBy(folder, playlist)) {
      named.push([file, files[file] ?? 'missing']);
      if (file.endsWith('.m3u8')) playlists.push(file);
    }
  }
  for (const { path: mpd } of manifest.renditions.filter(({ mime }) => mime.includes('dash'))) {
    const text = await readFile(path.join(folder, mpd), 'utf8');
    const whole = [...text.matchAll(/<BaseURL>([^<]*)</g)].map(([, name = '']) => path.join(path.dirname(mpd), name));
    named.push(...whole.map((file): [string, string] => [file, files[file] ?? 'missing']));
  }
  expect(files).toEqual(Object.fromEntries(named));
  return manifest;
}

async function namedBy(folder: string, playlist: string): Promise<string[]> {
  const text = await readFile(path.join(folder, playlist), 'utf8');
  const uris = [...text.matchAll(/URI="([^"]+)"/g)].map(([, uri]) => uri ?? '');
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return [...uris, ...lines].map((name) => path.join(path.dirname(playlist), name));
}
