import type { Config } from '../../common/config';
import { diagnose } from './diagnose';
import { gather } from './gather';
import { DEFAULT_LIMITS, type Evidence, type Finding, type Limits } from './types';

export { formatBacklog } from './format';

/** Between two looks at a step that tells figures, ms: several heartbeats fit in, and a slow frame. */
const GAP_MS = 12_000;

/** Measures, and says why messages back up. No finding: they do not. */
export async function examineBacklog(
  config: Config,
  limits: Limits = DEFAULT_LIMITS,
  gapMs = GAP_MS,
): Promise<{ evidence: Evidence; findings: Finding[] }> {
  const evidence = await gather(config, { gapMs });
  return { evidence, findings: diagnose(evidence, limits) };
}
