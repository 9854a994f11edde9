import { getQueues, type Finding, type Queue, type Queues } from '../api';
import { count, duration, perMinute, UNKNOWN } from '../lib/format';
import { usePoll } from '../lib/poll';
import { useTitle } from '../lib/title';
import { Problem, Stat } from '../parts/bits';

const REFRESH_MS = 6_000;

/** Where work waits, who does it, and why it does not go on. For operators. */
export function QueuesPage() {
  useTitle('Queues');
  const { data, error, at } = usePoll('queues', getQueues, REFRESH_MS);
  // The service itself answers while Temporal does not: then nothing is known, and a finding says so.
  const known = data?.open === undefined ? undefined : data;
  return (
    <div class="page">
      <h1>Queues</h1>
      <Problem error={error} since={at} />
      <Totals queues={known} />
      <section aria-labelledby="pools-title">
        <h2 id="pools-title">Pools</h2>
        {data === undefined ? <p class="facts">Looking at the queues…</p> : <QueueTable queues={known?.queues ?? []} />}
      </section>
      <section aria-labelledby="doctor-title">
        <h2 id="doctor-title">What the doctor says</h2>
        {data && <Findings findings={data.findings} />}
        <p class="facts">
          <code>npm run doctor -- backlog</code> looks for longer, and also finds steps that stand still.
        </p>
      </section>
    </div>
  );
}

function Totals({ queues }: { queues: Queues | undefined }) {
  const oldest = queues?.queues.map(({ oldestSeconds = 0 }) => oldestSeconds) ?? [];
  const waiting = queues?.queues.reduce((sum, queue) => sum + queue.waiting, 0);
  return (
    <dl class="stats">
      <Stat label="Backlog" value={figure(queues?.open)} note="items open" />
      <Stat label="Waiting" value={figure(waiting)} note="tasks in the queues" />
      <Stat
        label="Oldest waiting"
        value={waiting === undefined || waiting === 0 ? UNKNOWN : duration(Math.max(...oldest))}
        note={waiting === 0 ? 'nothing waits' : 'since it was asked for'}
      />
      <Stat label="Paused" value={figure(queues?.paused)} note="items" />
    </dl>
  );
}

const figure = (value: number | undefined): string => (value === undefined ? UNKNOWN : count(value));

function QueueTable({ queues }: { queues: Queue[] }) {
  if (queues.length === 0) return <p class="facts">{UNKNOWN}</p>;
  return (
    <div class="table-frame">
      <table class="table">
        <thead>
          <tr>
            <th scope="col">Pool</th>
            <th scope="col" class="number">
              Waiting
            </th>
            <th scope="col" class="number">
              Oldest
            </th>
            <th scope="col" class="number">
              Running
            </th>
            <th scope="col" class="number optional">
              Slots
            </th>
            <th scope="col" class="number optional">
              Workers
            </th>
            <th scope="col" class="number optional">
              Tasks a minute
            </th>
          </tr>
        </thead>
        <tbody>
          {queues.map((queue) => (
            <QueueRow key={queue.name} queue={queue} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function QueueRow({ queue }: { queue: Queue }) {
  const { name, pool, waiting, oldestSeconds, workers, running, slots, perSecond } = queue;
  return (
    <tr>
      <th scope="row">
        {pool}
        <small>{name}</small>
      </th>
      <td class="number">{count(waiting)}</td>
      <td class="number">{oldestSeconds === undefined ? UNKNOWN : duration(oldestSeconds)}</td>
      <td class="number">{figure(running)}</td>
      <td class="number optional">{figure(slots)}</td>
      <td class={`number optional ${workers === 0 && waiting > 0 ? 'is-bad' : ''}`}>{count(workers)}</td>
      <td class="number optional">{perMinute(perSecond)}</td>
    </tr>
  );
}

function Findings({ findings }: { findings: Finding[] }) {
  if (findings.length === 0) return <p>Nothing holds the queues back.</p>;
  return (
    <ul class="findings">
      {findings.map(({ title, queue, evidence, mend }) => (
        <li key={`${title} ${queue}`} class="finding">
          <h3>
            {title}
            {queue !== undefined && `: ${queue}`}
          </h3>
          <ul>
            {evidence.map((line) => (
              <li key={line}>{line}</li>
            ))}
          </ul>
          {mend.map((line) => (
            <pre key={line} tabIndex={0} aria-label="What helps">
              <code>{line}</code>
            </pre>
          ))}
        </li>
      ))}
    </ul>
  );
}
