import { useState } from 'preact/hooks';
import type { ComparedPair } from '../../../../common/campaign';
import type { Manifest } from '../../../../common/contracts';
import { approveCampaign, fileUrl, getCampaign, getJob, settleCampaign, type Campaign, type Settlement } from '../api';
import { bytes, count, saving } from '../lib/format';
import { pictureFor } from '../lib/pictures';
import { usePoll } from '../lib/poll';
import { toItem } from '../lib/route';
import { ActionButton, Problem, Stat } from '../parts/bits';
import type { Question } from '../parts/confirm';
import { Picture } from '../parts/picture';

/** Pairs that are shown before somebody wants all. */
const FEW = 4;
/** px that a picture of a pair has to have at least. */
const WIDTH = 600;

const PHASES: Record<Campaign['phase'], string> = {
  canary: 'The canary is being made.',
  'awaiting approval': 'The canary is made, beside the old outputs. The campaign waits for your approval.',
  running: 'The canary is approved; new outputs take the place of the old ones.',
  completed: 'All items are made again. The old outputs are kept until you decide.',
  stopped: 'The campaign stopped by itself.',
  cancelled: 'The campaign was cancelled.',
};
const SETTLED: Record<Settlement, string> = {
  rollback: 'have their old outputs back',
  keep: 'have the new outputs only',
};

/** What a campaign has come to, what it changes, and what a person has to decide. */
export function CampaignReport({ id, onChanged }: { id: string; onChanged: () => void }) {
  const { data, error, at, refresh } = usePoll(`campaign ${id}`, (signal) => getCampaign(id, signal), 3000);
  const [all, setAll] = useState(false);
  if (data === undefined) return <Problem error={error} />;
  const { pairs, preset, settled, paused, closedAt, phase, reason } = data;
  const run = (call: () => Promise<unknown>) => () =>
    call().then(() => {
      refresh();
      onChanged();
    });
  return (
    <section class="campaign" aria-label="Campaign">
      <Problem error={error} since={at} />
      <div class="head-row">
        <h2>Made again by {preset}</h2>
        {settled === undefined && <Decisions campaign={data} run={run} />}
      </div>
      <p role="status">
        {settled === undefined ? PHASES[phase] : settledText(settled)} {reason}
        {paused && closedAt === undefined && ' It is paused.'}
      </p>
      <Figures campaign={data} />
      {pairs.slice(0, all ? pairs.length : FEW).map((pair) => (
        <Pair key={pair.made} campaign={id} pair={pair} phase={phase} />
      ))}
      {pairs.length > FEW && !all && (
        <button type="button" class="button" onClick={() => setAll(true)}>
          Show all {count(pairs.length)} pairs
        </button>
      )}
    </section>
  );
}

function settledText({ how, items }: NonNullable<Campaign['settled']>): string {
  return items === undefined ? 'The decision is being carried out.' : `${itemsOf(items)} ${SETTLED[how]}.`;
}

const itemsOf = (items: number): string => `${count(items)} ${items === 1 ? 'item' : 'items'}`;

function Decisions(props: { campaign: Campaign; run: (call: () => Promise<unknown>) => () => Promise<void> }) {
  const { campaign, run } = props;
  const { id, phase, closedAt } = campaign;
  const waits = phase === 'awaiting approval';
  return (
    <div class="actions">
      {waits && <ActionButton kind="primary" label="Approve" run={run(() => approveCampaign(id))} />}
      <ActionButton
        label={waits ? 'Reject' : 'Roll back'}
        question={rollback(campaign)}
        run={run(() => settleCampaign(id, 'rollback'))}
      />
      {closedAt !== undefined && (
        <ActionButton label="Keep the new" question={KEEP} run={run(() => settleCampaign(id, 'keep'))} />
      )}
    </div>
  );
}

const KEEP: Question = {
  title: 'Remove the old outputs?',
  text: 'The items keep their new outputs. There is no way back.',
  yes: 'Remove the old outputs',
  no: 'Decide later',
};

function rollback({ phase, closedAt }: Campaign): Question {
  const ends = closedAt === undefined ? 'The campaign ends. ' : '';
  const text =
    phase === 'awaiting approval'
      ? 'What the canary has made is removed; no item has changed.'
      : 'The items get their old outputs back, and the new ones are removed.';
  const title = phase === 'awaiting approval' ? 'Reject the canary?' : 'Put the old outputs back?';
  return { title, text: `${ends}${text}`, yes: 'Remove the new outputs', no: 'Go on' };
}

function Figures({ campaign }: { campaign: Campaign }) {
  const { made, failed, passedOver, bytesBefore, bytesAfter, cpuSeconds, compared, lowestSsim } = campaign;
  return (
    <dl class="stats stats-small">
      <Stat label="Made" value={count(made)} note={`${count(failed)} failed, ${count(passedOver)} passed over`} />
      <Stat
        label="Bytes"
        value={saving(bytesBefore, bytesAfter)}
        note={`${bytes(bytesBefore)}, now ${bytes(bytesAfter)}`}
      />
      <Stat label="Lowest SSIM" value={lowestSsim?.toFixed(3) ?? '–'} note={`of ${count(compared)} compared`} />
      <Stat label="Cost" value={`${cpuSeconds.toFixed(1)} s`} note="of CPU" />
    </dl>
  );
}

interface Side {
  /** The job whose file it is. */
  job: string;
  manifest: Manifest;
}

/** The two sides of a pair, wherever they lie now; undefined where there is no comparison any more. */
async function sidesOf(
  campaign: string,
  { old, made }: ComparedPair,
  signal: AbortSignal,
): Promise<[Side, Side] | null> {
  const { manifest } = await getJob(old, signal);
  if (manifest === undefined) return null;
  const { before } = manifest;
  if (before?.campaign === campaign)
    return [
      { job: old, manifest: before.manifest },
      { job: old, manifest },
    ];
  const next = (await getJob(made, signal)).manifest;
  return next === undefined
    ? null
    : [
        { job: old, manifest },
        { job: made, manifest: next },
      ];
}

/** An item before and after, at the same size. */
function Pair(props: { campaign: string; pair: ComparedPair; phase: Campaign['phase'] }) {
  const { campaign, pair, phase } = props;
  const { data } = usePoll(`pair ${pair.made} ${phase}`, (signal) => sidesOf(campaign, pair, signal), 0);
  if (!data) return null;
  const [before, after] = data;
  return (
    <div class="compare">
      <Shown side={before} word="Before" note={bytes(pair.bytesBefore)} />
      <Shown
        side={after}
        word="After"
        note={`${bytes(pair.bytesAfter)} ${saving(pair.bytesBefore, pair.bytesAfter)}, SSIM ${pair.ssim.toFixed(3)}`}
      />
    </div>
  );
}

function Shown({ side: { job, manifest }, word, note }: { side: Side; word: string; note: string }) {
  const picture = pictureFor(manifest, WIDTH);
  return (
    <figure>
      {picture === undefined ? (
        <span class="picture unseen">There is no picture of it.</span>
      ) : (
        <Picture
          key={picture.path}
          src={fileUrl(job, picture.path)}
          alt={`${word}: ${job}`}
          placeholder={manifest.placeholder}
        />
      )}
      <figcaption>
        <strong>
          <a href={toItem(job)}>{word}</a>
        </strong>
        <span>{manifest.preset.name}</span>
        <span class="far">{note}</span>
      </figcaption>
    </figure>
  );
}
