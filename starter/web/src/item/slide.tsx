import { useEffect, useRef, useState } from 'preact/hooks';

/** A picture that can be compared. `width` and `height` in px. */
export interface Comparable {
  name: string;
  url: string;
  width: number;
  height: number;
}

interface View {
  /** px that the frame is scrolled by, and shows. */
  left: number;
  width: number;
}

/**
 * Two pictures over each other with a divider between them: the left one up to the divider, the right one behind it. Both have the size
 * of the right one, at first px for px, where artefacts show. The divider is a slider: the arrow keys, Home and End move it.
 */
export function Slide({ pictures }: { pictures: Comparable[] }) {
  const [names, setNames] = useState({ left: pictures[0]?.name, right: pictures.at(-1)?.name });
  const [isWhole, setWhole] = useState(false);
  const [share, setShare] = useState(50);
  const frame = useRef<HTMLDivElement>(null);
  const [view, setView] = useState<View>({ left: 0, width: 0 });
  const left = pictures.find(({ name }) => name === names.left) ?? pictures[0];
  const right = pictures.find(({ name }) => name === names.right) ?? pictures.at(-1);
  const look = (): void => {
    if (frame.current) setView({ left: frame.current.scrollLeft, width: frame.current.clientWidth });
  };
  useEffect(() => {
    look();
    addEventListener('resize', look);
    return () => removeEventListener('resize', look);
  }, []);
  if (left === undefined || right === undefined) return null;
  // One px of the picture on one px of the screen, which may have several to one px of the page.
  const natural = right.width / devicePixelRatio;
  const width = isWhole ? Math.min(natural, view.width) : natural;
  const divider = view.left + (Math.min(width, view.width) * share) / 100;
  const style = { width: `${width}px`, aspectRatio: `${right.width} / ${right.height}` };
  const choice = (side: 'left' | 'right', value: string): void => setNames({ ...names, [side]: value });
  return (
    <section class="slide" aria-label="Comparison">
      <div class="slide-bar">
        <Choice label="Left" value={left.name} pictures={pictures} onChange={(name) => choice('left', name)} />
        <input
          type="range"
          aria-label="Divider"
          aria-valuetext={`${share} % ${left.name}, ${100 - share} % ${right.name}`}
          min={0}
          max={100}
          value={share}
          onInput={(event) => setShare(Number(event.currentTarget.value))}
        />
        <Choice label="Right" value={right.name} pictures={pictures} onChange={(name) => choice('right', name)} />
        <button type="button" class="button small" aria-pressed={!isWhole} onClick={() => setWhole(!isWhole)}>
          100 %
        </button>
      </div>
      <div class="slide-frame" ref={frame} tabIndex={0} role="group" aria-label="Pictures" onScroll={look}>
        <div class="slide-stage" style={style}>
          <img src={left.url} alt={`Left: ${left.name}`} />
          <img src={right.url} alt={`Right: ${right.name}`} style={{ clipPath: `inset(0 0 0 ${divider}px)` }} />
          <span class="slide-divider" style={{ left: `${divider}px` }} aria-hidden="true" />
        </div>
      </div>
    </section>
  );
}

function Choice(props: { label: string; value: string; pictures: Comparable[]; onChange: (name: string) => void }) {
  return (
    <select
      aria-label={props.label}
      value={props.value}
      onChange={(event) => props.onChange(event.currentTarget.value)}
    >
      {props.pictures.map(({ name, width, height }) => (
        <option key={name} value={name}>
          {name}, {width} × {height}
        </option>
      ))}
    </select>
  );
}
