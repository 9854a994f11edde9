import { DarkroomError } from '../../common/errors';
import { parseJob } from '../core/job';
import { submitItem } from '../core/submit';
import type { Principal } from '../server/guard/auth';
import { ALL_RIGHTS } from '../server/guard/key-entries';
import type { Service } from '../server/service';
import { countRefusal, prepare } from '../server/submit';
import { createJobQueue } from '../../net/job-queues';
import { consume, type SubmitMessage } from './consume';

/** Whoever may write to the queue may do everything: the queue's own access rules are the guard. */
const QUEUE: Principal = { name: 'queue', tenant: undefined, ...ALL_RIGHTS };
/** Below the time after which a message is handed to somebody else, ms. */
const SUBMIT_MS = 20_000;

/** Takes jobs from the configured queue beside the API. `stop` waits for what is being started. */
export function startJobSource(service: Service): { stop(): Promise<void> } {
  const source = createJobQueue(service.config, ({ message }) => service.logger.debug({ reason: message }, 'redis'));
  if (source === undefined) return { stop: () => Promise.resolve() };
  const stop = new AbortController();
  service.logger.info({ source: source.name }, 'taking jobs from a queue');
  const loop = consume(source, submitter(service, source.name), service.logger, stop.signal);
  return {
    async stop() {
      stop.abort(new Error('the server is about to stop'));
      await loop;
      await source.close();
    },
  };
}

/** The source's name is the batch, the message's id the item: `redis/1763740800000-0`. */
function submitter(service: Service, source: string): SubmitMessage {
  return async ({ id, body }, signal) => {
    try {
      const job = parseJob(parseJson(body));
      const settings = { batchId: source, mode: 'batch' } as const;
      const item = await prepare(service, QUEUE, { ...job, id: job.id ?? id }, settings);
      await submitItem(service, item, { signal, limitMs: SUBMIT_MS });
      service.metrics.darkroom_jobs_submitted_total.inc({ kind: item.kind, preset: item.preset.name, source });
    } catch (error) {
      if (!signal.aborted) countRefusal(service, error);
      throw error;
    }
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new DarkroomError('InvalidJob', 'The message is no JSON.');
  }
}
