import { PassThrough, type Readable } from 'node:stream';
import { ApiError } from './problems';

/** ms that a sender may be silent, and that it may be slower than {@link LEAST_RATE} in all. */
const GRACE_MS = 60_000;
/** Bytes a ms of waiting for the sender: 32 KiB a second, so that a body's size bounds its time. */
const LEAST_RATE = 32.768;

/**
 * The chunks of a body, as long as they come fast enough. Only time in which the sender is waited for counts, not that in
 * which a store takes what has come.
 * @param onBytes called with the size of each chunk
 * @throws ApiError Timeout
 */
export async function* paced(
  body: Readable,
  onBytes: (bytes: number) => void = () => undefined,
  graceMs = GRACE_MS,
): AsyncGenerator<Buffer, void, undefined> {
  // Ended instead of the body, whose end would be the connection's: the sender is to be answered.
  const copy = new PassThrough();
  body.once('error', (error) => copy.destroy(error));
  const late = new ApiError('Timeout', 'The bytes came too slowly; send at least 32 KiB a second.');
  const chunks = body.pipe(copy)[Symbol.asyncIterator]() as AsyncIterator<Buffer, undefined>;
  let budget = graceMs;
  try {
    for (;;) {
      const since = performance.now();
      const timer = setTimeout(() => copy.destroy(late), Math.min(budget, graceMs));
      const next = await chunks.next().finally(() => clearTimeout(timer));
      if (next.done) return;
      budget += next.value.length / LEAST_RATE - (performance.now() - since);
      onBytes(next.value.length);
      yield next.value;
    }
  } finally {
    copy.destroy();
  }
}
