import { useState } from 'preact/hooks';
import type { Manifest } from '../../../../common/contracts';
import { fileUrl, getText } from '../api';
import { clock } from '../lib/format';
import { usePoll } from '../lib/poll';
import { cueAt, parseStoryboard } from '../lib/vtt';

/** The time line of a video; the sprite shows what is under the pointer before anybody jumps there. */
export function Scrubber(props: {
  id: string;
  manifest: Pick<Manifest, 'renditions'>;
  time: number;
  length: number;
  onSeek: (time: number) => void;
}) {
  const { id, length } = props;
  const storyboard = props.manifest.renditions.find(({ role }) => role === 'storyboard');
  const url = storyboard && fileUrl(id, storyboard.path);
  const { data: cues } = usePoll(url, async () => parseStoryboard(await getText(url ?? '')), 0);
  const [hover, setHover] = useState<number>();
  const cue = hover === undefined || !cues ? undefined : cueAt(cues, hover * length);
  return (
    <div
      class="scrubber"
      onPointerMove={(event) => {
        const box = event.currentTarget.getBoundingClientRect();
        setHover(Math.min(1, Math.max(0, (event.clientX - box.left) / box.width)));
      }}
      onPointerLeave={() => setHover(undefined)}
    >
      {hover !== undefined && (
        <span class="preview" style={{ left: `clamp(5rem, ${hover * 100}%, calc(100% - 5rem))` }} aria-hidden="true">
          {cue && (
            <span
              class="preview-tile"
              style={{
                width: `${cue.width}px`,
                height: `${cue.height}px`,
                backgroundImage: `url("${fileUrl(id, cue.sheet)}")`,
                backgroundPosition: `-${cue.x}px -${cue.y}px`,
              }}
            />
          )}
          {clock(hover * length)}
        </span>
      )}
      <input
        type="range"
        min={0}
        max={length}
        step={0.1}
        value={props.time}
        style={{ '--played': `${length === 0 ? 0 : (100 * props.time) / length}%` }}
        aria-label="Position"
        aria-valuetext={`${clock(props.time)} of ${clock(length)}`}
        onInput={(event) => props.onSeek(Number(event.currentTarget.value))}
      />
    </div>
  );
}
