import type { Manifest } from '../../../../common/contracts';
import { fileUrl } from '../api';

/** The silent videos of an animation, each of which runs like the animation itself. */
export function Films({ id, manifest: { renditions } }: { id: string; manifest: Manifest }) {
  return (
    <>
      {renditions
        .filter(({ role }) => role === 'video')
        .map(({ name, path, width, height }) => (
          <section class="player" aria-label={`Video ${name}`} key={path}>
            <video src={fileUrl(id, path)} width={width} height={height} autoPlay loop muted playsInline controls />
          </section>
        ))}
    </>
  );
}
