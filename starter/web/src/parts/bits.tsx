import type { ComponentChildren } from 'preact';
import { useRef, useState } from 'preact/hooks';
import { ApiError, type Counts, type ItemState } from '../api';
import { count } from '../lib/format';
import { goingBack, leftAt } from '../lib/places';
import { toBatches, toPresets } from '../lib/route';
import { NO_SERVICE, STATE_WORDS } from '../lib/words';
import { Confirm, type Question } from './confirm';
import { Icon, type IconName } from './icon';

export function StateBadge({ state }: { state: ItemState }) {
  return <span class={`badge badge-${state}`}>{STATE_WORDS[state]}</span>;
}

/** One figure with its name. */
export function Stat(props: { label: string; value: ComponentChildren; note?: ComponentChildren }) {
  return (
    <div class="stat">
      <dt>{props.label}</dt>
      <dd>
        {props.value}
        {props.note !== undefined && <small>{props.note}</small>}
      </dd>
    </div>
  );
}

/** Done, failed and open as parts of one bar; said in words for those who hear it. */
export function CountsBar({ counts }: { counts: Counts }) {
  const total = counts.items;
  const share = (value: number): { width: string } => ({ width: `${total === 0 ? 0 : (100 * value) / total}%` });
  const words = `${count(counts.succeeded)} of ${count(total)} done, ${count(counts.failed)} failed, ${count(counts.open)} open`;
  return (
    <div class="bar" role="img" aria-label={words} title={words}>
      <span class="bar-succeeded" style={share(counts.succeeded)} />
      <span class="bar-failed" style={share(counts.failed)} />
      <span class="bar-cancelled" style={share(counts.cancelled)} />
    </div>
  );
}

/** A button that is busy while what it started runs, and says what went wrong. */
export function ActionButton(props: {
  icon?: IconName;
  label: string;
  /** What it acts on, for those who hear the label alone. */
  about?: string;
  kind?: 'primary' | 'plain' | 'small';
  describedBy?: string;
  /** Asked before anything is done. */
  question?: Question;
  run: () => Promise<void>;
}) {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState('');
  const dialog = useRef<HTMLDialogElement>(null);
  const run = async (): Promise<void> => {
    setBusy(true);
    setProblem('');
    try {
      await props.run();
    } catch (error) {
      setProblem(error instanceof Error ? error.message : String(error));
    }
    setBusy(false);
  };
  return (
    <span class="action">
      <button
        type="button"
        class={`button ${props.kind ?? 'plain'}`}
        disabled={busy}
        aria-describedby={props.describedBy}
        onClick={(event) => {
          event.stopPropagation();
          if (props.question) dialog.current?.showModal();
          else void run();
        }}
      >
        {props.icon && <Icon name={props.icon} />}
        {props.label}
        {props.about !== undefined && <span class="hidden"> {props.about}</span>}
      </button>
      {problem && (
        <span class="problem" role="alert">
          {problem}
        </span>
      )}
      {props.question && <Confirm dialog={dialog} question={props.question} onYes={() => void run()} />}
    </span>
  );
}

/** What a list shows instead of entries. */
export function Empty({ title, children }: { title: string; children?: ComponentChildren }) {
  return (
    <div class="empty">
      <p class="empty-title">{title}</p>
      {children}
    </div>
  );
}

/** Why the page may be behind. @param since when what is shown came; undefined where nothing is shown */
export function Problem({ error, since }: { error: Error | undefined; since?: Date }) {
  if (error === undefined) return null;
  return (
    <p class="notice" role="alert">
      <Icon name="alert" /> {error instanceof ApiError && error.status === 0 ? NO_SERVICE.sentence : error.message}{' '}
      Trying again.
      {since && ` What you see is from ${since.toLocaleTimeString('en-GB')}.`}
    </p>
  );
}

/** True for an answer that says that there is no such thing. */
export const isMissing = (error: Error | undefined): boolean => error instanceof ApiError && error.status === 404;

/** A page about something that does not exist, or that the server has forgotten. */
export function Missing({ what, name }: { what: 'batch' | 'item' | 'preset'; name: string }) {
  return (
    <Empty title={`There is no ${what} “${name}”`}>
      {what === 'preset' ? (
        <p>
          Its file may be gone, or the item brought a preset of its own. See <a href={toPresets}>all presets</a>.
        </p>
      ) : (
        <p>
          The address may be mistyped, or the server has forgotten the {what}. See <a href={toBatches}>all batches</a>.
        </p>
      )}
    </Empty>
  );
}

/** Leads back to a page, to where it was left. @param to its path */
export function BackLink({ to, children }: { to: string; children: ComponentChildren }) {
  return (
    <a class="back" href={leftAt(to)} onClick={goingBack}>
      <Icon name="back" /> {children}
    </a>
  );
}
