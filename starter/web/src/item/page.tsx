import { act, eventsOf, getJob, isOpen, type Action, type Job } from '../api';
import { bytes, duration, fileName, moment } from '../lib/format';
import { useEvents, usePoll } from '../lib/poll';
import { growingFilm, playables } from '../lib/pictures';
import { Films } from './films';
import { toBatch, toPreset } from '../lib/route';
import { failureAdvice, failureTitle } from '../lib/words';
import { useTitle } from '../lib/title';
import { ActionButton, BackLink, isMissing, Missing, Problem, StateBadge } from '../parts/bits';
import { Icon } from '../parts/icon';
import { PriorityChoice } from '../parts/priority';
import { Chunks } from './chunks';
import { RemoveButton } from '../parts/remove';
import { Compare } from './compare';
import { Listen } from './listen';
import { Markup } from './markup';
import { Player } from './player';
import { RenditionTable } from './renditions';
import { Timeline } from './timeline';

/** One item: what came in, what was made of it, and how. */
export function ItemPage({ id }: { id: string }) {
  const job = usePoll(`job ${id}`, (signal) => getJob(id, signal), 2000);
  useEvents(job.data && isOpen(job.data.state) ? eventsOf.job(id) : undefined, job.refresh);
  const { data } = job;
  const missing = isMissing(job.error);
  useTitle(data ? fileName(data.source ?? id) : id);
  return (
    <div class="page">
      {data && <BackLink to={toBatch(data.batch)}>{data.batch}</BackLink>}
      {missing && !data && <Missing what="item" name={id} />}
      <Problem error={missing ? undefined : job.error} since={job.at} />
      {data && <Head job={data} onChanged={job.refresh} />}
      {data?.error && <Reason job={data} />}
      {data && <Shown job={data} />}
      {data?.manifest && <Result job={data} manifest={data.manifest} />}
      {data && <Chunks job={data} />}
      {data && <Timeline job={data} />}
    </div>
  );
}

function Head({ job, onChanged }: { job: Job; onChanged: () => void }) {
  const run = (action: Action) => () => act('job', job.id, action).then(() => onChanged());
  const open = isOpen(job.state);
  return (
    <header class="head">
      <div class="head-row">
        <h1>{fileName(job.source ?? job.id)}</h1>
        <StateBadge state={job.state} />
        <div class="actions">
          {(job.state === 'failed' || job.state === 'cancelled') && (
            <ActionButton kind="primary" icon="retry" label="Retry" describedBy="reason" run={run('retry')} />
          )}
          {open && job.state !== 'paused' && <ActionButton icon="pause" label="Pause" run={run('pause')} />}
          {open && job.state === 'paused' && <ActionButton icon="play" label="Resume" run={run('resume')} />}
          {job.state === 'running' && <ActionButton icon="retry" label="Restart the step" run={run('restart')} />}
          {open && <PriorityChoice on="job" id={job.id} current={job.priority} onChanged={onChanged} />}
          {open && (
            <ActionButton
              icon="stop"
              label="Cancel"
              question={{
                title: `Cancel ${fileName(job.source ?? job.id)}?`,
                text: 'What runs is stopped, and nothing is published. You can retry the item afterwards.',
                yes: 'Cancel the item',
                no: 'Keep going',
              }}
              run={run('cancel')}
            />
          )}
          {!open && <RemoveButton {...aboutToRemove(job)} />}
          {job.links.temporal && (
            <a class="button plain" href={job.links.temporal} target="_blank" rel="noreferrer">
              <Icon name="out" /> Run in Temporal
            </a>
          )}
        </div>
      </div>
      <p class="facts">
        {factsOf(job)}
        {job.preset !== '' && (
          <>
            {'  ·  preset '}
            <a href={toPreset(job.preset)}>{job.preset}</a>
          </>
        )}
      </p>
    </header>
  );
}

/** What a deletion removes. What was uploaded has a time of its own. */
function aboutToRemove({ id, batch, source, manifest }: Job) {
  const { renditions = [] } = manifest ?? {};
  const size = renditions.reduce((sum, rendition) => sum + rendition.bytes + (rendition.segments?.bytes ?? 0), 0);
  const files =
    renditions.length === 0
      ? 'Its history'
      : `Its ${renditions.length === 1 ? 'published file' : `${renditions.length} published files`} (${bytes(size)}), its manifest and its history`;
  return {
    on: 'job' as const,
    id,
    name: fileName(source ?? id),
    text: `${files} are removed. The source stays. This cannot be undone.`.replace('Its history are', 'Its history is'),
    to: toBatch(batch),
  };
}

/** Texts that the job brought along. */
function Metadata({ metadata }: { metadata: Record<string, string> }) {
  const entries = Object.entries(metadata);
  if (entries.length === 0) return null;
  return (
    <section aria-labelledby="metadata-title">
      <h2 id="metadata-title">Metadata of the job</h2>
      <dl class="metadata">
        {entries.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

function factsOf({ manifest, startedAt, closedAt, kind, priority }: Job): string {
  const source = manifest?.source;
  const took = closedAt ? `took ${duration((Date.parse(closedAt) - Date.parse(startedAt)) / 1000)}` : undefined;
  const facts = source
    ? [
        source.format.toUpperCase(),
        source.width === undefined ? undefined : `${source.width} × ${source.height}`,
        bytes(source.bytes),
        source.durationSeconds === undefined ? undefined : duration(source.durationSeconds),
      ]
    : [kind];
  const urgency = priority === undefined ? undefined : `priority ${priority}`;
  return [...facts, urgency, `submitted ${moment(startedAt)}`, took].filter(Boolean).join('  ·  ');
}

function Reason({ job }: { job: Job }) {
  if (!job.error) return null;
  return (
    <section class="reason" id="reason" role="status">
      <Icon name="alert" />
      <div>
        <h2>{failureTitle(job.error)}</h2>
        <p>{job.error.message}</p>
        <p class="advice">{failureAdvice(job.error)}</p>
      </div>
    </section>
  );
}

/** One player all the while: a film that is watched while it is made plays on when it is done. */
function Shown({ job: { id, manifest, playable } }: { job: Job }) {
  if (manifest === undefined) return playable ? <Player id={id} manifest={growingFilm(playable)} /> : null;
  if (manifest.kind === 'audio') return <Listen id={id} manifest={manifest} />;
  if (manifest.kind === 'image') return <Pictures id={id} manifest={manifest} />;
  return playables(manifest).length > 0 ? (
    <Player id={id} manifest={manifest} />
  ) : (
    <Compare id={id} manifest={manifest} />
  );
}

/** Of an image: its pictures, and the silent videos of an animation. */
function Pictures({ id, manifest }: { id: string; manifest: NonNullable<Job['manifest']> }) {
  const isSeen = manifest.renditions.some(({ role }) => role === 'image');
  return (
    <>
      {isSeen && <Compare id={id} manifest={manifest} />}
      <Films id={id} manifest={manifest} />
    </>
  );
}

function Result({ job, manifest }: { job: Job; manifest: NonNullable<Job['manifest']> }) {
  return (
    <>
      {manifest.warnings.length > 0 && (
        <ul class="warnings">
          {manifest.warnings.map((warning) => (
            <li key={warning}>{warning}</li>
          ))}
        </ul>
      )}
      <RenditionTable id={job.id} manifest={manifest} />
      <Markup id={job.id} manifest={manifest} />
      <Metadata metadata={manifest.metadata ?? {}} />
    </>
  );
}
