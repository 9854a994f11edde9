import { languageName } from '../captions/languages';

/** A sound of a stream. */
export interface Sound {
  /** As cut: address of its playlist, codec (RFC 6381), bits a second. */
  track: { uri: string; header: { codecs: string }; peak: number; average: number };
  channels: 2 | 6;
  language?: string;
}

/** Sounds that a variant is offered with: each language once. */
export interface SoundGroup {
  id: string;
  sounds: Sound[];
  /** Bits a second of the largest. */
  peak: number;
  average: number;
  codecs: string[];
}

/**
 * The sounds of a stream as groups, the first sound first: stereo, and where there is any 5.1 a second group with it, in which
 * languages that lack it have their stereo.
 */
export function soundGroups(sounds: readonly Sound[]): SoundGroup[] {
  const stereo = sounds.filter(({ channels }) => channels === 2);
  const surround = sounds.filter(({ channels }) => channels === 6);
  if (stereo.length === 0) return [];
  const upgraded = stereo.map((sound) => surround.find(({ language }) => language === sound.language) ?? sound);
  return [group('audio', stereo), ...(surround.length > 0 ? [group('surround', upgraded)] : [])];
}

function group(id: string, sounds: Sound[]): SoundGroup {
  const most = (of: (sound: Sound) => number) => Math.max(...sounds.map(of));
  return {
    ...{ id, sounds, peak: most(({ track }) => track.peak), average: most(({ track }) => track.average) },
    codecs: [...new Set(sounds.map(({ track }) => track.header.codecs))],
  };
}

/** Lines of the multivariant playlist. */
export function soundLines(groups: readonly SoundGroup[]): string[] {
  return groups.flatMap(({ id, sounds }) =>
    sounds.map(({ track, channels, language }, index) =>
      [
        `#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="${id}",NAME="${nameOf(language)}"`,
        ...(language === undefined ? [] : [`LANGUAGE="${language}"`]),
        `DEFAULT=${index === 0 ? 'YES' : 'NO'},AUTOSELECT=YES,CHANNELS="${channels}",URI="${track.uri}"`,
      ].join(','),
    ),
  );
}

/** Languages differ within a group, so names do, too. */
function nameOf(language: string | undefined): string {
  return language === undefined ? 'Sound' : languageName(language).replace(/["\r\n]/g, '');
}
