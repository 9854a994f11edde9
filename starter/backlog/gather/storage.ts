import type { Config } from '../../../common/config';
import { createStorage } from '../../../storage';
import type { StorageEvidence } from '../types';

const LIMIT_MS = 15_000;

/** Lists one entry of every allowed bucket, as the workers would reach it from this machine. */
export async function probeStorage(config: Config): Promise<StorageEvidence[]> {
  if (config.allowedBuckets.length === 0) return [];
  const storage = createStorage(config);
  try {
    return await Promise.all(
      config.allowedBuckets.map(async (bucket) => {
        const place = `s3://${bucket}`;
        const started = performance.now();
        const error = await Promise.race([firstEntry(storage, place), timeout()]).catch((reason: unknown) =>
          reason instanceof Error ? reason.message : String(reason),
        );
        return { place, seconds: (performance.now() - started) / 1000, error };
      }),
    );
  } finally {
    storage.close();
  }
}

async function firstEntry(storage: ReturnType<typeof createStorage>, place: string): Promise<undefined> {
  for await (const _ of storage.list(`${place}/`)) break;
  return undefined;
}

function timeout(): Promise<string> {
  return new Promise((resolve) => {
    setTimeout(() => resolve(`no answer within ${LIMIT_MS / 1000} s`), LIMIT_MS).unref();
  });
}
