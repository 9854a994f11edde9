import type { Manifest, Rendition } from '../../../../common/contracts';

/** What a player needs of a manifest; of a film that is still made there is a stream alone. */
export interface Film extends Pick<Manifest, 'renditions'> {
  source: Pick<Manifest['source'], 'durationSeconds' | 'width' | 'height'>;
  isGrowing?: true;
}

/** A film of which the beginning can be played. */
export function growingFilm({ path, seconds }: { path: string; seconds?: number }): Film {
  const stream = { name: 'hls', role: 'stream' as const, path, mime: HLS, bytes: 0, sha256: '' };
  return { renditions: [stream], source: { durationSeconds: seconds }, isGrowing: true };
}

/** The smallest picture that is at least this wide, in px; else the widest there is. */
export function pictureFor(manifest: Pick<Manifest, 'renditions'>, width: number): Rendition | undefined {
  const pictures = manifest.renditions
    .filter(({ role }) => role === 'image' || role === 'poster')
    .sort((a, b) => (a.width ?? 0) - (b.width ?? 0));
  return pictures.find((picture) => (picture.width ?? 0) >= width) ?? pictures.at(-1);
}

/** The preview of a video that an `img` shows. */
export function movingPicture(manifest: Pick<Manifest, 'renditions'>): Rendition | undefined {
  return manifest.renditions.find(({ role, mime }) => role === 'preview' && mime.startsWith('image/'));
}

const HLS = 'application/vnd.apple.mpegurl';

export const isHls = ({ mime }: { mime: string }): boolean => mime === HLS;

/**
 * What a player can choose from: a stream that adapts first, then files, the tallest first; files that this browser does not
 * decode come last.
 * @param decodes whether the browser decodes a type such as `video/mp4; codecs="hvc1.1.6.L93.90, mp4a.40.2"`
 */
export function playables(
  manifest: Pick<Manifest, 'renditions'>,
  decodes: (type: string) => boolean = () => true,
): Rendition[] {
  const masters = manifest.renditions.filter((rendition) => isHls(rendition));
  const files = manifest.renditions.filter(({ role, mime }) => role === 'video' && mime === 'video/mp4');
  files.sort((a, b) => (b.height ?? 0) - (a.height ?? 0));
  const decoded = files.filter(({ mime, codecs }) => codecs === undefined || decodes(`${mime}; codecs="${codecs}"`));
  return [...masters, ...decoded, ...files.filter((file) => !decoded.includes(file))];
}
