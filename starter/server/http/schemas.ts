import { z } from 'zod';
import { MEDIA_KINDS } from '../../../common/kinds';
import { mediaJob } from '../../core/job';
import { RETRYABLE } from '../../../common/batch-change';
import { RUN_STATES } from '../../../temporal/batches/runs';
import { progress } from './progress-schema';
import { wait } from './wait-schema';

/** The shapes of requests and answers: what is checked, and what the OpenAPI document is made from. */

export const MAX_JOBS = 10_000;
/** Bytes of a batch as JSON, which is parsed as a whole; more goes as NDJSON. */
export const MAX_BATCH_BODY = 4 * 1024 * 1024;

export const batchName = z
  .string()
  .min(1)
  .max(100)
  .describe('Id of the batch; made up where missing. With keys, the answer has it with the tenant before it.');
export const waitQuery = z.object({ wait });
export const jobQuery = waitQuery.extend({
  force: z.enum(['true', 'false']).optional().describe('Do it again though its outputs are there'),
});
export const jobParams = z.object({ id: z.string().describe('<batch>~<item>') });
export const batchParams = z.object({ id: z.string() });
export const fileParams = jobParams.extend({ '*': z.string() });
export const submitHeaders = z.object({
  'idempotency-key': z.string().min(1).max(255).optional().describe('Makes sending it twice one job, or one batch'),
});
export const eventHeaders = z.object({
  'last-event-id': z.string().max(200).optional().describe('As browsers send it when they reconnect'),
});

export const jobBody = mediaJob.extend({
  batch: batchName.optional().describe('Id of the batch that the job belongs to; `jobs` where missing'),
});

const batchSettings = {
  id: batchName.optional(),
  preset: z.string().min(1).max(64).optional(),
  output: z.string().max(8192).optional(),
  callbackUrl: mediaJob.shape.callbackUrl.describe(
    'Called once when every job of the batch has ended, with the counts',
  ),
};
export const batchBody = z.strictObject({
  ...batchSettings,
  priority: mediaJob.shape.priority,
  jobs: z.array(z.unknown()).min(1).max(MAX_JOBS).describe('Each as the body of POST /v1/jobs'),
});
export const batchQuery = z.object({
  ...batchSettings,
  priority: z.coerce
    .number()
    .meta({ enum: [1, 2, 3, 4, 5] })
    .pipe(z.literal([1, 2, 3, 4, 5]))
    .optional(),
});

export const problemAnswer = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    code: z.string().describe('A row of the error table, or a problem of the request'),
    details: z.record(z.string(), z.unknown()).optional(),
  })
  .describe('A problem document (RFC 9457)');

const links = z.record(z.string(), z.string());
const error = z.object({ type: z.string(), message: z.string() });

export const jobAnswer = z.object({
  id: z.string(),
  batch: z.string(),
  submitted: z.enum(['started', 'joined', 'skipped']).optional().describe('What a submission did'),
  state: z.enum(['queued', 'running', 'paused', 'succeeded', 'failed', 'cancelled']),
  ...{ kind: z.string(), preset: z.string(), tenant: z.string() },
  source: z.string().optional(),
  startedAt: z.string(),
  closedAt: z.string().optional(),
  attempt: z.int().describe('The most attempts that any of its steps has taken'),
  priority: z.int().optional().describe('1 to 5; 1 is served first'),
  progress: progress.optional(),
  playable: z
    .object({
      href: z.string(),
      path: z.string(),
      url: z.string().optional().describe('Where the public finds it, where the installation has such an address'),
      seconds: z.number().optional().describe('How much of the film there is; absent where no worker answers'),
    })
    .optional()
    .describe('Of a long video that is still made: its stream, which can be played already, and which grows'),
  pending: z
    .array(
      z.object({
        activity: z.string(),
        started: z.boolean(),
        attempt: z.int(),
        lastFailure: z.string().optional(),
      }),
    )
    .describe('Steps that run or wait for a worker'),
  error: error.optional(),
  manifest: z.looseObject({ version: z.int() }).optional().describe('manifest.json, once it succeeded'),
  links,
});

export const batchSubmitted = z.object({
  id: z.string(),
  started: z.int(),
  joined: z.int(),
  skipped: z.int(),
  rejected: z.int(),
  duplicates: z.int().describe('Jobs that are the same as one before them in the list, which stands for both'),
  jobs: z
    .array(
      z.object({
        index: z.int(),
        id: z.string(),
        status: z.enum(['started', 'joined', 'skipped', 'duplicate']),
        of: z.int().optional().describe('Of a duplicate: the place of the job that stands for both'),
      }),
    )
    .describe('The jobs that were taken, by their place in the list, from 0'),
  errors: z
    .array(z.object({ index: z.int(), error: problemAnswer }))
    .describe('The jobs that were refused, by their place in the list, from 0'),
  links,
});

export const latency = z.object({
  p50: z.int().optional(),
  p95: z.int().optional(),
  p99: z.int().optional(),
  sample: z.int(),
});

export const batchAnswer = z.object({
  id: z.string(),
  items: z.int(),
  open: z.int().describe('paused + waiting + running'),
  paused: z.int(),
  waiting: z.int(),
  running: z.int(),
  succeeded: z.int(),
  failed: z.int(),
  cancelled: z.int(),
  itemsPerSecond: z.number(),
  etaSeconds: z.int().optional(),
  latencyMs: latency,
  unserved: z.array(z.string()).describe('Queues with work that no worker serves'),
  lastClosedAt: z.string().optional(),
  links,
});

/** Temporal takes a NUL in a query for a fault of its own, and is asked again and again. */
export function plainText(max: number) {
  return z
    .string()
    .min(1)
    .max(max)
    .regex(/^[^\x00-\x1f\x7f]*$/, 'expected text without control characters');
}

export const pageCursor = z.string().max(4096).optional().describe('`next` of the page before');
const conditions = {
  state: z
    .enum([...RUN_STATES, 'paused'])
    .optional()
    .describe('paused: of the open ones, those that are paused'),
  kind: z.enum(MEDIA_KINDS).optional(),
  preset: plainText(64).optional(),
  from: z.iso.datetime({ offset: true }).pipe(z.coerce.date()).optional().describe('Submitted at this time or later'),
  to: z.iso.datetime({ offset: true }).pipe(z.coerce.date()).optional().describe('Submitted before this time'),
  cursor: pageCursor,
};
export const batchesQuery = z.object({
  ...conditions,
  search: batchName.optional().describe('Batches whose id begins so'),
  limit: z.coerce.number().int().min(1).max(50).default(20),
});
const batchLine = z.object({
  id: z.string(),
  items: z.int(),
  open: z.int(),
  succeeded: z.int(),
  failed: z.int(),
  cancelled: z.int(),
  lastActivityAt: z.string().describe('When its newest job began if one is open, else when its last one ended'),
  links,
});
export const batchesAnswer = z.object({
  batches: z.array(batchLine),
  next: z.string().optional().describe('The cursor of the next page; a page may have fewer batches than asked for'),
});

export const itemsQuery = z.object({
  ...conditions,
  search: plainText(200).optional().describe('Jobs whose file name or id begins so'),
  limit: z.coerce.number().int().min(1).max(200).default(50),
});
export const jobsQuery = itemsQuery.extend({
  batch: batchName.optional().describe('Jobs of this batch only'),
  search: itemsQuery.shape.search.describe(
    'With `batch`: jobs whose file name or id begins so; without: jobs whose whole id (<batch>~<item>) begins so',
  ),
});
const item = z.object({
  id: z.string(),
  batch: z.string(),
  run: z.string().describe('Id of its latest run, as NDJSON answers have it'),
  state: z.enum([...RUN_STATES, 'paused']),
  kind: z.string(),
  preset: z.string(),
  source: z.string().optional(),
  startedAt: z.string(),
  closedAt: z.string().optional(),
  bytesIn: z.number().optional(),
  bytesOut: z.number().optional(),
  cpuSeconds: z.number().optional().describe('Of the programs that made its outputs, as its receipts say'),
  error: error.optional(),
  thumbnail: z
    .object({ href: z.string(), width: z.int().optional(), height: z.int().optional() })
    .optional()
    .describe('The smallest picture of it'),
  placeholder: z.object({ thumbhash: z.string(), dominant: z.string() }).optional(),
  links,
});
export type ItemAnswer = z.output<typeof item>;
export const itemsAnswer = z.object({
  items: z.array(item),
  next: z.string().optional().describe('The cursor of the next page; a page may have fewer items than asked for'),
});

export const priorityBody = z.strictObject({
  priority: z.literal([1, 2, 3, 4, 5]).describe('1 is served first'),
});
export const operationParams = batchParams.extend({ operation: z.string().describe('As the 202 has it') });
export const operationAnswer = z.object({
  id: z.string(),
  state: z.enum(['running', 'completed', 'failed']),
  total: z.int().describe('Jobs that it is about; 0 while they are counted'),
  done: z.int(),
  failed: z.int().describe('Jobs that could not be changed, most often since they ended before'),
});
const goingOn = operationAnswer.optional().describe('What goes on by itself: see GET …/operations/:operation');
export const changedAnswer = z.object({
  changed: z.int().describe('Runs that got the request'),
  already: z.int().describe('Runs that had ended before it came'),
  running: z.int().optional().describe('Of a pause: runs with a step under way, which runs to its end'),
  steps: z.int().optional().describe('Of a restart: steps that begin again'),
  campaign: z
    .boolean()
    .optional()
    .describe("Of a campaign's batch: true where the campaign is open and got the request too"),
  operation: goingOn,
});
export const retryQuery = z.object({
  state: z
    .enum(RETRYABLE)
    .default('failed')
    .describe('Which of its jobs: those that failed, or those that were cancelled'),
});
export const retriedAnswer = z.object({ restarted: z.int(), already: z.int(), operation: goingOn });
export const sessionBody = z.object({ key: z.string().min(1).max(1000) });
export const webhookSecretAnswer = z.object({
  tenant: z.string(),
  secret: z.string().describe('As in Standard Webhooks: whsec_…'),
});
export const sessionAnswer = z.object({
  name: z.string().describe('Of the key'),
  tenant: z.string().optional().describe('Whose jobs are seen; absent where nobody has keys'),
  sessionEnds: z.string().optional().describe('When a session of the page ends by itself'),
  operator: z.literal(true).optional(),
});
export const presetsAnswer = z.object({
  presets: z.array(z.looseObject({ name: z.string() })),
  broken: z.array(z.object({ name: z.string(), detail: z.string() })).optional(),
});
