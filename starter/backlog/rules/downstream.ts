import type { Evidence, Finding, Limits, Rule } from '../types';
import { isDownstreamAway, isFetch, isTried } from './signs';

const STORAGE_STAGES = new Set(['fetch', 'publish']);

/** Where sources come from and outputs go to. All signs together make one finding: it is one store. */
export const downstreamRules: Rule[] = [
  (evidence, limits) => {
    const lines = [...failures(evidence), ...probes(evidence, limits), ...slowStages(evidence, limits)];
    if (lines.length === 0) return [];
    const finding: Finding = {
      cause: 'slow-downstream',
      evidence: lines,
      mend: [
        'npm run doctor   # reads from every allowed bucket with this configuration',
        'Mend the store; every step goes on by itself within a minute, and no attempt is counted',
      ],
    };
    return [finding];
  },
];

function failures(evidence: Evidence): string[] {
  const groups = new Map<string, { count: number; message: string }>();
  for (const step of evidence.steps.filter((candidate) => isDownstreamAway(evidence, candidate))) {
    const key = `${step.failure?.type} at ${placeOf(step.source)}`;
    groups.set(key, { count: (groups.get(key)?.count ?? 0) + 1, message: step.failure?.message ?? '' });
  }
  const tried = evidence.steps.filter(isTried).length;
  return [...groups].map(
    ([key, { count, message }]) => `${count} of ${tried} steps that were tried: ${key}: ${message}`,
  );
}

function probes({ storage }: Evidence, { slowStorageSeconds }: Limits): string[] {
  return storage.flatMap(({ place, seconds, error }) => {
    if (error !== undefined) return `${place} does not answer this machine: ${error}`;
    return seconds >= slowStorageSeconds ? `${place} takes ${seconds.toFixed(1)} s to list one entry` : [];
  });
}

/** Stages that only move bytes, and downloads that stand. */
function slowStages({ stages, steps }: Evidence, { slowStorageSeconds }: Limits): string[] {
  const standing = steps.filter((step) => step.state === 'running' && step.stands === true && isFetch(step));
  const all = stages.reduce((sum, { meanSeconds, count }) => sum + meanSeconds * count, 0);
  return [
    ...standing.map(({ workflowId, said }) => `the download of ${workflowId} stands: ${said}`),
    ...stages
      .filter(({ stage, meanSeconds, count }) => {
        // A large video takes long to fetch, but longer to encode.
        return STORAGE_STAGES.has(stage) && meanSeconds >= slowStorageSeconds && meanSeconds * count * 2 >= all;
      })
      .map(
        ({ stage, meanSeconds, count }) =>
          `${stage} takes ${meanSeconds.toFixed(1)} s on average (of ${count}), more than all other work`,
      ),
  ];
}

/** `s3://bucket`, `https://host` or the folder of a local file. */
function placeOf(source: string): string {
  return /^(s3|https?):\/\/[^/]+/i.exec(source)?.[0] ?? source.replace(/\/[^/]*$/, '');
}
