import { capacityRules } from './rules/capacity';
import { downstreamRules } from './rules/downstream';
import { itemRules } from './rules/items';
import { temporalRules } from './rules/temporal';
import { workerRules } from './rules/workers';
import { DEFAULT_LIMITS, type Cause, type Evidence, type Finding, type Limits, type Rule } from './types';

/** Every rule; a new cause is one more entry in one of these lists. */
export const RULES: Rule[] = [...temporalRules, ...workerRules, ...itemRules, ...downstreamRules, ...capacityRules];

/** What a cause accounts for on the same queue (or on all, where it names none): told alone, since mending it mends the rest. */
const EXPLAINS: Partial<Record<Cause, Cause[]>> = {
  'temporal-slow': ['too-few-slots', 'unexplained', 'stuck-step'],
  'misnamed-queue': ['no-workers'],
  'slow-downstream': ['too-few-slots', 'unexplained'],
  'stuck-step': ['too-few-slots', 'unexplained'],
};

/** From what was measured to what is wrong: pure, so that each rule is tested with a table. */
export function diagnose(evidence: Evidence, limits: Limits = DEFAULT_LIMITS): Finding[] {
  const findings = RULES.flatMap((rule) => rule(evidence, limits));
  return findings.filter((finding) => !findings.some((other) => explains(other, finding)));
}

function explains(cause: Finding, symptom: Finding): boolean {
  if (!EXPLAINS[cause.cause]?.includes(symptom.cause)) return false;
  return cause.queue === undefined || cause.queue === symptom.queue;
}
