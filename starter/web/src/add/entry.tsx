import { useEffect, useState } from 'preact/hooks';
import { bytes } from '../lib/format';
import { toItem } from '../lib/route';
import { Icon, iconOf } from '../parts/icon';
import type { Entry } from './queue';

/** One file, from the drop to its result. */
export function EntryRow({ entry }: { entry: Entry }) {
  const { file, phase, fraction, step, jobId, error } = entry;
  const isMoving = phase === 'uploading' || phase === 'processing';
  return (
    <li class={`entry entry-${phase}`}>
      <Thumb file={file} />
      <div class="entry-body">
        <p class="entry-name">
          {jobId ? <a href={toItem(jobId)}>{file.name}</a> : file.name}
          <small>
            {bytes(file.size)}, {entry.preset}
          </small>
        </p>
        {isMoving && <progress class="meter" max={1} value={fraction} aria-label={`${file.name}: ${step}`} />}
        {error && <p class="problem">{error.message}</p>}
      </div>
      <span class="entry-step" role="status">
        {phase === 'completed' && <Icon name="check" />}
        {phase === 'failed' && <Icon name="alert" />}
        {phase === 'uploading' ? `Uploading ${Math.round(100 * fraction)} %` : step}
      </span>
    </li>
  );
}

/** A look at the file from this machine; a video shows its sign. */
function Thumb({ file }: { file: File }) {
  const [url, setUrl] = useState<string>();
  useEffect(() => {
    if (!file.type.startsWith('image/')) return;
    const made = URL.createObjectURL(file);
    setUrl(made);
    return () => URL.revokeObjectURL(made);
  }, [file]);
  return (
    <span class="thumb">
      {url ? (
        <img src={url} alt="" onError={() => setUrl(undefined)} />
      ) : (
        <Icon name={iconOf(file.type.split('/')[0])} />
      )}
    </span>
  );
}
