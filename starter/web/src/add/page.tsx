import { listPresets } from '../api';
import { usePoll } from '../lib/poll';
import { useTitle } from '../lib/title';
import { Problem } from '../parts/bits';
import { Icon } from '../parts/icon';
import { EntryRow } from './entry';
import { usePreset } from './preset';
import { clearEnded, enqueue, useEntries } from './queue';

/** Choose or drop files, choose what to make of them, watch them finish. */
export function AddPage() {
  const entries = useEntries();
  const presets = usePoll('presets', listPresets, 0);
  const [preset, setPreset] = usePreset();
  useTitle('Add files');
  const names = presets.data?.map(({ name }) => name) ?? [preset];
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
            enqueue([...(event.currentTarget.files ?? [])], preset);
            event.currentTarget.value = '';
          }}
        />
        <Icon name="upload" />
        <strong>Drop images, videos and audio files here</strong>
        <span>or choose them</span>
      </label>
      <fieldset class="presets">
        <legend>Preset</legend>
        {names.map((name) => (
          <label key={name} class={name === preset ? 'is-chosen' : undefined}>
            <input type="radio" name="preset" value={name} checked={name === preset} onChange={() => setPreset(name)} />
            <strong>{name}</strong>
            <small>{presets.data?.find((each) => each.name === name)?.summary}</small>
          </label>
        ))}
      </fieldset>
      {entries.length > 0 && (
        <section aria-labelledby="entries-title">
          <div class="head-row">
            <h2 id="entries-title">Your files</h2>
            <button type="button" class="button small" onClick={clearEnded}>
              Clear the ended
            </button>
          </div>
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
