import { useEffect } from 'preact/hooks';
import { listPresets } from '../api';
import { count } from '../lib/format';
import { usePoll } from '../lib/poll';
import { useTitle } from '../lib/title';
import { Problem } from '../parts/bits';
import { Icon } from '../parts/icon';
import { EntryRow } from './entry';
import { isMediaName } from './files';
import { useChoice } from './preset';
import { clearFinished, enqueue, enqueueSources, useEntries, type Entry } from './queue';

const BATCH_ID = '[A-Za-z0-9][A-Za-z0-9._\\-]{0,99}';

/** Choose or drop files, choose what to make of them, watch them finish. */
export function AddPage() {
  const entries = useEntries();
  const presets = usePoll('presets', listPresets, 0);
  const [choice, choose] = useChoice();
  useTitle('Add files');
  const names = presets.data?.presets.map(({ name }) => name) ?? [choice.preset];
  const kinds = presets.data?.presets.find(({ name }) => name === choice.preset)?.kinds;
  useEffect(() => {
    if (kinds !== undefined) choose({ kinds });
  }, [kinds?.join()]);
  return (
    <div class="page narrow">
      <h1>Add files</h1>
      <Problem error={presets.error} />
      <label class="drop-zone">
        <input
          type="file"
          multiple
          accept="image/*,video/*,audio/*"
          onChange={(event) => {
            enqueue([...(event.currentTarget.files ?? [])], choice);
            event.currentTarget.value = '';
          }}
        />
        <Icon name="upload" />
        <strong>Drop images, videos, audio files or folders here</strong>
        <span>or choose files</span>
      </label>
      <div class="add-more">
        <label class="button">
          <input
            class="hidden"
            type="file"
            // Of all browsers, though in no standard yet.
            {...{ webkitdirectory: true }}
            onChange={(event) => {
              const files = [...(event.currentTarget.files ?? [])].filter(({ name }) => isMediaName(name));
              enqueue(files, choice);
              event.currentTarget.value = '';
            }}
          />
          Choose a folder
        </label>
        <form
          onSubmit={(event) => {
            event.preventDefault();
            const field = event.currentTarget.elements.namedItem('source') as HTMLInputElement;
            enqueueSources([field.value.trim()], choice);
            field.value = '';
          }}
        >
          <label>
            <span>Address of a file</span>
            <input
              name="source"
              required
              pattern="\s*(https?|s3|file)://.+"
              title="https://…, s3://… or file:///…"
              placeholder="https://example.com/photo.jpg"
            />
          </label>
          <button class="button">Add</button>
        </form>
        <label>
          <span>Batch</span>
          <input
            pattern={BATCH_ID}
            title="Letters, digits, dots, dashes and underscores, 100 at most"
            placeholder="jobs"
            value={choice.batch}
            onChange={(event) => {
              const field = event.currentTarget;
              if (field.reportValidity()) choose({ batch: field.value });
            }}
          />
        </label>
      </div>
      <fieldset class="presets">
        <legend>Preset</legend>
        {names.map((name) => {
          const known = presets.data?.presets.find((each) => each.name === name);
          return (
            <label key={name} class={name === choice.preset ? 'is-chosen' : undefined}>
              <input
                type="radio"
                name="preset"
                value={name}
                checked={name === choice.preset}
                onChange={() => choose({ preset: name, kinds: known?.kinds })}
              />
              <strong>{name}</strong>
              {known && <small class="kinds">for {known.kinds.join(', ')}</small>}
              <small>{known?.summary}</small>
            </label>
          );
        })}
        {presets.data?.broken.map(({ name, detail }) => (
          <p key={name} role="note">
            The preset {name} cannot be used: {detail}
          </p>
        ))}
      </fieldset>
      {entries.length > 0 && (
        <section aria-labelledby="entries-title">
          <div class="head-row">
            <h2 id="entries-title">Your files</h2>
            <button type="button" class="button small" onClick={clearFinished}>
              Clear finished
            </button>
          </div>
          <Overall entries={entries} />
          <ul class="entries">
            {entries.map((entry) => (
              <EntryRow key={entry.key} entry={entry} />
            ))}
          </ul>
        </section>
      )}
    </div>
  );
}

/** How far all files are together. */
function Overall({ entries }: { entries: readonly Entry[] }) {
  const of = (...phases: Entry['phase'][]): number => entries.filter(({ phase }) => phases.includes(phase)).length;
  const [done, failed, toSend, left] = [of('completed'), of('failed'), of('waiting', 'uploading'), of('left')];
  const parts = [`${count(done)} of ${count(entries.length)} done`];
  if (failed > 0) parts.push(`${count(failed)} failed or cancelled`);
  if (toSend > 0) parts.push(`${count(toSend)} still to upload: keep this page open`);
  if (left > 0) parts.push(`${count(left)} left unsent: choose them again, what was uploaded stays`);
  return (
    <p class="overall">
      <progress class="meter" max={entries.length} value={done + failed} aria-label="All files" />
      <span>{parts.join(', ')}</span>
    </p>
  );
}
