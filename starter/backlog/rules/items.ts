import type { Rule, StepEvidence } from '../types';
import { isDownstreamAway, isFetch } from './signs';

/** More of a kind are counted, not told. */
const EXAMPLES = 5;

/** Single items that hold up themselves, or a slot. */
export const itemRules: Rule[] = [
  ({ steps }, { silentSeconds }) => {
    const stuck = steps.filter(
      ({ state, stands, silentSeconds: silent }) =>
        state === 'running' && (stands === true || (silent !== undefined && silent >= silentSeconds)),
    );
    // A download that stands says something about the store, not about the encoder.
    return byQueue(stuck.filter((step) => !isFetch(step))).map(([queue, group]) => ({
      cause: 'stuck-step',
      queue,
      evidence: told(group, ({ activity, workflowId, worker, said, stands, silentSeconds: silent = 0 }) => {
        const what =
          stands === true ? `says the same again and again: ${said}` : `has said nothing for ${Math.round(silent)} s`;
        return `${activity} of ${workflowId} on ${worker ?? 'an unknown worker'} ${what}`;
      }),
      mend: [
        'Look at that worker: kill its ffmpeg or restart it; the step is then done by another one, and the failure is not counted',
        ...group.slice(0, EXAMPLES).map(({ workflowId }) => `temporal workflow show --workflow-id '${workflowId}'`),
      ],
    }));
  },
  (evidence, { poisonAttempts }) => {
    const failing = evidence.steps.filter(
      (step) => step.attempt >= poisonAttempts && step.failure !== undefined && !isDownstreamAway(evidence, step),
    );
    return byQueue(failing).map(([queue, group]) => ({
      cause: 'poison-item',
      queue,
      evidence: told(
        group,
        ({ activity, workflowId, attempt, failure, source }) =>
          `${activity} of ${workflowId} is at attempt ${attempt}: ${failure?.type}: ${failure?.message} (${source})`,
      ),
      mend: group
        .slice(0, EXAMPLES)
        .map(({ workflowId }) => `temporal workflow cancel --workflow-id '${workflowId}'   # or mend what it names`),
    }));
  },
];

function told(group: StepEvidence[], tell: (step: StepEvidence) => string): string[] {
  const lines = group.slice(0, EXAMPLES).map(tell);
  return group.length > EXAMPLES ? [...lines, `and ${group.length - EXAMPLES} more`] : lines;
}

function byQueue(steps: StepEvidence[]): [string, StepEvidence[]][] {
  const groups = new Map<string, StepEvidence[]>();
  for (const step of steps) groups.set(step.queue, [...(groups.get(step.queue) ?? []), step]);
  return [...groups];
}
