import type { Manifest } from '../../common/contracts';

/** A small manifest for tests that only care that there is one. */
export function sampleManifest(runId: string): Manifest {
  return {
    version: 1,
    batchId: 'batch',
    itemKey: 'item',
    kind: 'image',
    source: { uri: 'file:///a', bytes: 1, sha256: '00', fingerprint: '1-1', format: 'jpeg', width: 1, height: 1 },
    preset: { name: 'web', recipe: 'r' },
    renditions: [],
    warnings: [],
    timings: {},
    tools: {},
    tenant: 'default',
    requestedAt: '2025-01-01T00:00:00.000Z',
    publishedAt: '2025-01-01T00:00:00.000Z',
    workflow: { id: 'w', runId, attempt: 1 },
  };
}
