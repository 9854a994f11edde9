import { createHash } from 'node:crypto';
import { mkdir, readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import type { Storage } from '../../storage';
import { checkedManifest, filesOf } from '../support/lab';

/** What one item published: SHA-256 by name, without the part of a name that says who wrote the file. */
export type Outputs = Record<string, string>;

/** `-<writer>-<content>`; the folder of a stream is named after what it was made of. */
const WRITER = /-[0-9a-f]{12}-[0-9a-f]{10}/g;

/**
 * Copies everything below `prefix` into `folder` and checks each item's folder: what its manifest names is there, byte by
 * byte, and nothing else is.
 * @returns the outputs of each item, by the SHA-256 of its source
 */
export async function outputsBelow(storage: Storage, prefix: string, folder: string): Promise<Record<string, Outputs>> {
  await rm(folder, { recursive: true, force: true });
  const items = new Set<string>();
  for await (const { uri } of storage.list(prefix, { hidden: true })) {
    const at = path.join(folder, uri.slice(prefix.length + 1));
    await mkdir(path.dirname(at), { recursive: true });
    await storage.fetch(uri, at, { maxBytes: 1e9 });
    items.add(uri.slice(prefix.length + 1).split('/')[0] ?? '');
  }
  const outputs: Record<string, Outputs> = {};
  for (const item of items) {
    const { source } = await checkedManifest(path.join(folder, item));
    // Two items of one source would hide one another.
    expect(Object.keys(outputs)).not.toContain(source.sha256);
    outputs[source.sha256] = await nameless(path.join(folder, item));
  }
  return outputs;
}

async function nameless(folder: string): Promise<Outputs> {
  const outputs: Outputs = {};
  for (const [file, sha256] of Object.entries(await filesOf(folder))) {
    if (file === 'manifest.json') continue;
    const name = file.replace(WRITER, '');
    expect(Object.keys(outputs)).not.toContain(name);
    // A storyboard names the sheets as they were published.
    outputs[name] = file.endsWith('.vtt') ? await hashWithout(path.join(folder, file)) : sha256;
  }
  return outputs;
}

async function hashWithout(file: string): Promise<string> {
  const text = (await readFile(file, 'utf8')).replace(WRITER, '');
  return createHash('sha256').update(text).digest('hex');
}
