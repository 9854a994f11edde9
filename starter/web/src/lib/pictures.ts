import type { Manifest, Rendition } from '../../../../common/contracts';

/** The smallest picture that is at least this wide, in px; else the widest there is. */
export function pictureFor(manifest: Manifest, width: number): Rendition | undefined {
  const pictures = manifest.renditions
    .filter(({ role }) => role === 'image' || role === 'poster')
    .sort((a, b) => (a.width ?? 0) - (b.width ?? 0));
  return pictures.find((picture) => (picture.width ?? 0) >= width) ?? pictures.at(-1);
}

const HLS = 'application/vnd.apple.mpegurl';

export const isHls = ({ mime }: { mime: string }): boolean => mime === HLS;

/** What a player can choose from: a stream that adapts first, then files, the tallest first. */
export function playables(manifest: Manifest): Rendition[] {
  const masters = manifest.renditions.filter((rendition) => isHls(rendition));
  const files = manifest.renditions.filter(({ role, mime }) => role === 'video' && mime === 'video/mp4');
  return [...masters, ...files.sort((a, b) => (b.height ?? 0) - (a.height ?? 0))];
}
