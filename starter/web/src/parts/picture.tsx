import { useEffect, useRef, useState } from 'preact/hooks';
import { thumbHashToRGBA } from 'thumbhash';
import type { Placeholder } from '../../../../common/contracts';

/** A picture over its blurred promise; the promise goes when the picture is there. */
export function Picture(props: { src: string; alt: string; placeholder?: Placeholder; eager?: boolean }) {
  const [loaded, setLoaded] = useState(false);
  return (
    <span
      class={`picture ${loaded ? 'is-loaded' : ''}`}
      style={{ backgroundColor: loaded ? '' : (props.placeholder?.dominant ?? '') }}
    >
      {!loaded && props.placeholder && <Blur hash={props.placeholder.thumbhash} />}
      <img
        src={props.src}
        alt={props.alt}
        loading={props.eager ? 'eager' : 'lazy'}
        decoding="async"
        draggable={false}
        onLoad={() => setLoaded(true)}
      />
    </span>
  );
}

function Blur({ hash }: { hash: string }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    try {
      const { w, h, rgba } = thumbHashToRGBA(Uint8Array.from(atob(hash), (letter) => letter.charCodeAt(0)));
      if (!canvas.current) return;
      [canvas.current.width, canvas.current.height] = [w, h];
      canvas.current.getContext('2d')?.putImageData(new ImageData(new Uint8ClampedArray(rgba), w, h), 0, 0);
    } catch {
      // Not a hash: the plain colour beneath has to do.
    }
  }, [hash]);
  return <canvas ref={canvas} class="blur" aria-hidden="true" />;
}
