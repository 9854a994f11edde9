import path from 'node:path';
import type { WorkItem } from '../common/contracts';
import type { Fetched } from '../storage';
import type { Attempt } from './attempt';
import type { ActivityDeps } from './deps';
import { scan } from './scan';

/** The item's source on the scratch disk; its arrival counts as progress and in the bytes read. */
export async function fetchSource(deps: ActivityDeps, attempt: Attempt, item: WorkItem): Promise<Fetched> {
  const fetch = () =>
    deps.storage.fetch(item.source, path.join(attempt.workDir, 'in'), {
      signal: attempt.signal,
      maxBytes: deps.config.maxSourceBytes,
      onProgress: (bytes) => attempt.progress({ step: 'fetch', bytes }),
    });
  const source = await attempt.stages.run('fetch', item.kind, fetch, ({ bytes }) => bytes);
  attempt.sourceSha256 = source.sha256;
  deps.metrics.darkroom_bytes_read_total.inc({ kind: item.kind }, source.bytes);
  await scan(deps, attempt, item, source);
  return source;
}
