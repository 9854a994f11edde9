/** A mistake in what was typed or given: one sentence, exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}
