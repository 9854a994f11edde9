// node history.mjs count BATCH | open BATCH | attempts BATCH: what Temporal knows about a batch, at TEMPORAL_ADDRESS.
import { Client, Connection } from '@temporalio/client';

const [what, batch] = process.argv.slice(2);
const connection = await Connection.connect({ address: process.env['TEMPORAL_ADDRESS'] });
const client = new Client({ connection, namespace: process.env['TEMPORAL_NAMESPACE'] ?? 'default' });
const query = `MediaBatchId = "${batch}"`;

if (what === 'count') {
  console.log(await count(query));
} else if (what === 'open') {
  console.log(await count(`${query} AND ExecutionStatus = "Running"`));
} else {
  console.log(JSON.stringify(await attempts()));
}
await connection.close();

/** Before anything was ever submitted, the server does not know the attribute. */
async function count(query) {
  return client.workflow.count(query).then(
    ({ count }) => count,
    (error) => (/not a valid search attribute/.test(String(error.cause)) ? 0 : Promise.reject(error)),
  );
}

/** Attempts after the first one, by what ended the one before; `workflowTaskTimeouts` are decisions that a pod took along. */
async function attempts() {
  const counts = { items: 0, byStatus: {}, activities: 0, furtherAttempts: 0, because: {}, workflowTaskTimeouts: 0 };
  const ids = [];
  for await (const run of client.workflow.list({ query })) {
    counts.items += 1;
    counts.byStatus[run.status.name] = (counts.byStatus[run.status.name] ?? 0) + 1;
    ids.push(run.workflowId);
  }
  await inLanes(8, ids, async (id) => {
    const { events } = await client.workflow.getHandle(id).fetchHistory();
    for (const event of events ?? []) {
      if (event.workflowTaskTimedOutEventAttributes) counts.workflowTaskTimeouts += 1;
      const started = event.activityTaskStartedEventAttributes;
      if (!started) continue;
      counts.activities += 1;
      if (started.attempt <= 1) continue;
      counts.furtherAttempts += started.attempt - 1;
      const failure = started.lastFailure;
      const reason = failure?.applicationFailureInfo?.type ?? failure?.message ?? 'unknown';
      counts.because[reason] = (counts.because[reason] ?? 0) + 1;
    }
  });
  return counts;
}

async function inLanes(lanes, items, work) {
  const queue = [...items];
  await Promise.all(
    Array.from({ length: lanes }, async () => {
      for (let item = queue.pop(); item !== undefined; item = queue.pop()) await work(item);
    }),
  );
}
