import { setTimeout as sleep } from 'node:timers/promises';
import { DarkroomError } from '../../common/errors';
import { HEARTBEAT_MS } from '../../common/heartbeats';
import type { Pulse } from '../pulse';
import type { Recorder } from './recorder';
import { solitude, type Solitude } from './solitude';

/** ms for which an attempt waits for its turn in this worker; then another worker may have it. */
const MAX_WAIT = 120_000;
/** ms after which a heartbeat that was held back has left. */
const TOLD = 1.25 * HEARTBEAT_MS;

/**
 * Waits until the attempt may begin: alone, where workers have died of its input, else unless another one is to be alone.
 * @param suspectUptime ms that a worker has to live before it is entrusted with such an input
 * @returns what is to be called when the attempt has ended
 * @throws DarkroomError WorkerBusy where the turn did not come in time; else the signal's reason
 */
export async function takeTurn(
  recorder: Recorder,
  pulse: Pulse,
  suspectUptime: number,
  gate: Solitude = solitude,
): Promise<() => void> {
  const alone = recorder.verdict === 'alone';
  if (!alone && !gate.isWanted) return gate.enter(false, pulse.signal);
  const limit = AbortSignal.timeout(MAX_WAIT);
  const signal = AbortSignal.any([pulse.signal, limit]);
  try {
    return await pulse.within('wait', MAX_WAIT, async () => {
      const tooYoung = suspectUptime - process.uptime() * 1000;
      if (alone && tooYoung > 0) await sleep(tooYoung, undefined, { signal });
      const leave = await gate.enter(alone, signal);
      if (alone) await announce(recorder, pulse).catch((error: unknown) => (leave(), Promise.reject(error as Error)));
      return leave;
    });
  } catch (error) {
    if (pulse.signal.aborted || !limit.aborted) throw error;
    const what = alone ? 'Other items keep this worker busy' : 'This worker is kept free for another item';
    throw new DarkroomError('WorkerBusy', `${what}, so the item waits for another turn.`);
  }
}

/** The server has to know that the attempt is alone before the input can end the worker. */
async function announce(recorder: Recorder, pulse: Pulse): Promise<void> {
  recorder.alone = true;
  pulse.progress({ step: 'alone' });
  pulse.tell();
  await sleep(TOLD, undefined, { signal: pulse.signal });
}
