import type { ErrorDetails } from '../common/errors';

/** `EncoderFailed` and `InternalError` may come this often. */
const MAX_FAILURES = 3;
/** An input that killed its decoder this often is not given to another one. */
const MAX_KILLS_BY_INPUT = 2;
/** Deaths of decoders that the input did not cause, such as those by the kernel or an operator: many, but not for ever. */
const MAX_KILLS_FROM_OUTSIDE = 10;

/** What follows from a failure of the counted kind: another try after `retryInMs`, or the end. */
export type Verdict = { retryInMs: number } | 'give up' | 'quarantine';

/**
 * Counts the failures of one step. Only deaths of the decoder that the input is likely to have caused lead to quarantine,
 * and only when they happened in the same step with the same content of the source; docs/decisions/0002-retries.md.
 */
export class FailureCount {
  private failures = 0;
  private killsByInput = 0;
  private killsFromOutside = 0;
  private source: unknown;

  /** @param details of the failure: `childKilled`, `reason`, `blame`, and `sourceSha256` of what the decoder read */
  add({ childKilled, reason, blame, sourceSha256 }: ErrorDetails): Verdict {
    const killed = childKilled === true && reason !== 'exit';
    if (killed && blame === 'system') {
      this.killsFromOutside++;
      if (this.killsFromOutside >= MAX_KILLS_FROM_OUTSIDE) return 'give up';
      return { retryInMs: Math.min(60_000, 1000 * 2 ** this.killsFromOutside) };
    }
    // A replaced source: what the former one did says nothing about this one.
    if (sourceSha256 !== this.source) this.killsByInput = 0;
    this.source = sourceSha256;
    this.failures++;
    if (killed && ++this.killsByInput >= MAX_KILLS_BY_INPUT) return 'quarantine';
    return this.failures >= MAX_FAILURES ? 'give up' : { retryInMs: 2000 * 3 ** (this.failures - 1) };
  }
}

/**
 * The rule of runs that were at work before deaths were told apart: one count for all steps of an item, in which every
 * death is the input's.
 */
export class FormerFailureCount extends FailureCount {
  override add(details: ErrorDetails): Verdict {
    return super.add({ childKilled: details['childKilled'] });
  }
}
