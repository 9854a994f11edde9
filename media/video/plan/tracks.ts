import type { VideoPreset } from '../../presets/schema';
import type { MediaProbe, SoundTrack } from '../types';

/** Sounds of one stream, at most. */
const MAX_TRACKS = 24;

/**
 * The sounds of a stream beside the one that its rungs have: the first of each other language, and 5.1 where the source has
 * six channels.
 * @param kbps of stereo
 */
export function planTracks(probe: MediaProbe, { languages, surround }: VideoPreset, kbps: number): SoundTrack[] {
  const { audio, sounds = [] } = probe;
  if (audio === undefined) return [];
  const known = new Set([audio.language]);
  const others = sounds.filter(({ index, language }) => {
    if (languages !== 'all' || index === audio.index || known.has(language)) return false;
    known.add(language);
    return true;
  });
  const nameOf = (language = 'und') => `audio-${language.toLowerCase()}`;
  const tracks = [audio, ...others].flatMap(({ index, language, channels }): SoundTrack[] => [
    ...(index === audio.index
      ? []
      : [{ name: nameOf(language), index, channels: 2 as const, kbps, ...(language && { language }) }]),
    ...(surround !== undefined && channels >= 6
      ? [
          {
            name: `${nameOf(language)}-surround`,
            index,
            channels: 6 as const,
            kbps: surround,
            ...(language && { language }),
          },
        ]
      : []),
  ]);
  return tracks.slice(0, MAX_TRACKS);
}
