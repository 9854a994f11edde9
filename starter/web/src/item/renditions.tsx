import type { Manifest, Rendition } from '../../../../common/contracts';
import { archiveUrl, fileUrl } from '../api';
import { archiveName, bytes, downloadName, saving } from '../lib/format';
import { isHls } from '../lib/pictures';
import { Icon } from '../parts/icon';

/** Every published file, largest share first within its role. */
export function RenditionTable({ id, manifest }: { id: string; manifest: Manifest }) {
  const { source, renditions } = manifest;
  const most = Math.max(source.bytes, ...renditions.map(sizeOf));
  return (
    <section aria-labelledby="renditions-title">
      <div class="head-row">
        <h2 id="renditions-title">Files</h2>
        <a class="button small" href={archiveUrl(id)} download={archiveName(source)}>
          <Icon name="down" /> Download all
        </a>
      </div>
      <div class="table-frame">
        <table class="table">
          <thead>
            <tr>
              <th scope="col">Name</th>
              <th scope="col">Type</th>
              <th scope="col" class="optional">
                Size
              </th>
              <th scope="col" class="wide optional">
                <span class="hidden">Share of the source</span>
              </th>
              <th scope="col" class="number">
                Bytes
              </th>
              <th scope="col" class="number">
                Saving
              </th>
              <th scope="col">
                <span class="hidden">Download</span>
              </th>
            </tr>
          </thead>
          <tbody>
            <tr class="source-row">
              <th scope="row">Source</th>
              <td>{source.format}</td>
              <td class="optional">{source.width !== undefined && `${source.width} × ${source.height}`}</td>
              <td class="wide optional">
                <Share bytes={source.bytes} most={most} />
              </td>
              <td class="number">{bytes(source.bytes)}</td>
              <td class="number">—</td>
              <td />
            </tr>
            {renditions.map((rendition) => (
              <Row key={rendition.path} id={id} rendition={rendition} source={source} most={most} />
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

/** Of a stream: its segments too. */
const sizeOf = ({ bytes, segments }: Rendition): number => bytes + (segments?.bytes ?? 0);

function Row(props: { id: string; rendition: Rendition; source: Manifest['source']; most: number }) {
  const { id, rendition, source, most } = props;
  const { name, role, mime, width, height, bitrate, codecs, path, segments } = rendition;
  const size = sizeOf(rendition);
  const comparable = role === 'image' || role === 'video' || role === 'audio';
  return (
    <tr>
      <th scope="row">{name}</th>
      <td title={codecs}>
        {isHls(rendition) ? 'HLS' : mime.split('/')[1]}{' '}
        {bitrate !== undefined && <small>{Math.round(bitrate)} kbit/s</small>}
        {segments !== undefined && <small>{segments.count} segments</small>}
      </td>
      <td class="optional">{width !== undefined && `${width} × ${height}`}</td>
      <td class="wide optional">
        <Share bytes={size} most={most} />
      </td>
      <td class="number">{bytes(size)}</td>
      <td class={`number ${comparable && size < source.bytes ? 'is-good' : ''}`}>
        {comparable ? saving(source.bytes, size) : '—'}
      </td>
      <td class="number">
        {!isHls(rendition) && (
          <a
            class="icon-button"
            href={fileUrl(id, path)}
            download={downloadName(source, rendition)}
            aria-label={`Download ${name}`}
          >
            <Icon name="down" />
          </a>
        )}
      </td>
    </tr>
  );
}

function Share({ bytes: value, most }: { bytes: number; most: number }) {
  return (
    <span class="share" aria-hidden="true">
      <span style={{ width: `${(100 * value) / most}%` }} />
    </span>
  );
}
