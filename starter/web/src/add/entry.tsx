import { useEffect, useState } from 'preact/hooks';
import { bytes } from '../lib/format';
import { toItem } from '../lib/route';
import { ActionButton } from '../parts/bits';
import { Icon, iconOf } from '../parts/icon';
import { cancelUpload, removeEntry, retryEntry, type Entry } from './queue';

/** One file, from the drop to its result. */
export function EntryRow({ entry }: { entry: Entry }) {
  const { key, name, file, unsent, phase, fraction, step, jobId, error } = entry;
  const isToSend = phase === 'waiting' || phase === 'uploading';
  const isLeft = phase === 'left';
  const isMoving = isLeft || phase === 'uploading' || phase === 'processing';
  return (
    <li class={`entry entry-${phase}`}>
      <Thumb file={file} />
      <div class="entry-body">
        <p class="entry-name">
          {jobId ? <a href={toItem(jobId)}>{name}</a> : name}
          <small>
            {[unsent && bytes(unsent.size), entry.choice.preset, entry.choice.batch].filter(Boolean).join(', ')}
          </small>
        </p>
        {isMoving && <progress class="meter" max={1} value={fraction} aria-label={`${name}: ${step}`} />}
        {error && <p class="problem">{error.message}</p>}
      </div>
      <span class="entry-step" role="status">
        {phase === 'completed' && <Icon name="check" />}
        {(phase === 'failed' || isLeft) && <Icon name="alert" />}
        {phase === 'uploading' ? `Uploading ${Math.round(100 * fraction)} %` : step}
      </span>
      <span class="entry-actions">
        {isLeft && <ActionButton label="Remove" about={name} kind="small" run={async () => removeEntry(key)} />}
        {isToSend && <ActionButton label="Cancel" about={name} kind="small" run={async () => cancelUpload(key)} />}
        {phase === 'failed' && (
          <>
            <ActionButton label="Retry" about={name} kind="small" run={() => retryEntry(entry)} />
            <ActionButton label="Remove" about={name} kind="small" run={async () => removeEntry(key)} />
          </>
        )}
      </span>
    </li>
  );
}

/** A look at the file from this machine; a video shows its sign. */
function Thumb({ file }: { file?: File }) {
  const [url, setUrl] = useState<string>();
  useEffect(() => {
    if (!file?.type.startsWith('image/')) return;
    const made = URL.createObjectURL(file);
    setUrl(made);
    return () => URL.revokeObjectURL(made);
  }, [file]);
  return (
    <span class="thumb">
      {url ? (
        <img src={url} alt="" onError={() => setUrl(undefined)} />
      ) : (
        <Icon name={iconOf(file?.type.split('/')[0])} />
      )}
    </span>
  );
}
