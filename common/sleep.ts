import { setTimeout as sleep } from 'node:timers/promises';

/** Waits. @throws the signal's own reason on abort, where Node would wrap it into an AbortError */
export async function sleepUnlessAborted(ms: number, signal?: AbortSignal): Promise<void> {
  try {
    await sleep(ms, undefined, { signal });
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  }
}
