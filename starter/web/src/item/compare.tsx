import { useState } from 'preact/hooks';
import type { Manifest, Rendition } from '../../../../common/contracts';
import { fileUrl, sourceUrl } from '../api';
import { bytes, saving } from '../lib/format';
import { Picture } from '../parts/picture';
import { Slide, type Comparable } from './slide';

/** Types that every browser of the day shows. */
const SHOWN = ['jpeg', 'png', 'webp', 'avif', 'gif'];

/** The source beside one of its renditions, at the same size, so that the eye can judge. */
export function Compare({ id, manifest }: { id: string; manifest: Manifest }) {
  const pictures = manifest.renditions.filter(({ role }) => role === 'image' || role === 'poster');
  const [name, setName] = useState<string>();
  const [slides, setSlides] = useState(false);
  const chosen = pictures.find((picture) => picture.name === name) ?? largest(pictures);
  if (chosen === undefined) return null;
  const { source } = manifest;
  const comparables = comparablesOf(id, manifest, pictures);
  return (
    <>
      <section class="compare" aria-label="Source and rendition">
        <figure>
          <Source id={id} manifest={manifest} />
          <figcaption>
            <strong>Source</strong>
            <span>
              {source.format.toUpperCase()}, {source.width} × {source.height}
            </span>
            <span class="far">{bytes(source.bytes)}</span>
          </figcaption>
        </figure>
        <figure>
          <Picture
            key={chosen.path}
            src={fileUrl(id, chosen.path)}
            alt={`Rendition ${chosen.name}`}
            placeholder={manifest.placeholder}
            eager
          />
          <figcaption>
            <label>
              <span class="hidden">Rendition</span>
              <select value={chosen.name} onChange={(event) => setName(event.currentTarget.value)}>
                {pictures.map((picture) => (
                  <option key={picture.name} value={picture.name}>
                    {picture.name}
                  </option>
                ))}
              </select>
            </label>
            <span>
              {chosen.width} × {chosen.height}
            </span>
            <span class="far">
              {bytes(chosen.bytes)}{' '}
              <b class={chosen.bytes < source.bytes ? 'is-good' : ''}>{saving(source.bytes, chosen.bytes)}</b>
            </span>
          </figcaption>
        </figure>
      </section>
      {comparables.length > 1 && (
        <div>
          <button type="button" class="button" aria-expanded={slides} onClick={() => setSlides(!slides)}>
            Compare at 100 %
          </button>
        </div>
      )}
      {slides && <Slide pictures={comparables} />}
    </>
  );
}

/** What this browser shows: the source first, then the renditions, the smallest first. */
function comparablesOf(id: string, { source }: Manifest, pictures: Rendition[]): Comparable[] {
  const { width, height } = source;
  const own =
    SHOWN.includes(source.format) && width !== undefined && height !== undefined
      ? [{ name: 'source', url: sourceUrl(id), width, height }]
      : [];
  const others = pictures.flatMap(({ name, path, mime, width, height }) =>
    SHOWN.includes(mime.replace('image/', '')) && width !== undefined && height !== undefined
      ? [{ name, url: fileUrl(id, path), width, height }]
      : [],
  );
  return [...own, ...others.sort((a, b) => a.width - b.width)];
}

function Source({ id, manifest }: { id: string; manifest: Manifest }) {
  const [failed, setFailed] = useState(false);
  const isShown = SHOWN.includes(manifest.source.format) && !failed;
  if (!isShown) {
    return <span class="picture unseen">This browser can't show the source.</span>;
  }
  return (
    <span class="picture is-loaded">
      <img src={sourceUrl(id)} alt="Source" decoding="async" onError={() => setFailed(true)} />
    </span>
  );
}

function largest(pictures: Rendition[]): Rendition | undefined {
  return [...pictures].sort((a, b) => (b.width ?? 0) - (a.width ?? 0))[0];
}
