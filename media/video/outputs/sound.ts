import { badOutput } from '../check/finish';
import { readMp4 } from '../check/mp4';
import type { Branch } from './branch';

/** Name of the file that holds the sound alone. */
export const soundName = (kbps: number) => `sound-${kbps}k.m4a`;

/**
 * The sound alone, AAC at one bitrate, for rungs that are made by several tasks: each copies it instead of encoding it
 * anew. It begins at zero, so that a copy is in sync with pictures that do, wherever the source's sound begins.
 */
export function soundBranch(kbps: number): Branch {
  const name = soundName(kbps);
  return {
    id: `sound:${kbps}`,
    names: [name],
    films: [{ name, sound: { kbps, fromZero: true } }],
    makes: { width: 0, height: 0, kbps },
    finish: async ({ partOf, measure }) => {
      const facts = await readMp4(partOf(name)).catch((error: unknown) => {
        throw badOutput('The encoder wrote a file that cannot be read.', { cause: String(error) });
      });
      if (!facts.audio?.packets) throw badOutput('The encoder lost the sound.', { codecs: facts.codecs });
      const { durationSeconds, codecs } = facts;
      return [
        { name: `sound-${kbps}k`, role: 'audio', mime: 'audio/mp4', ...(await measure(name)), durationSeconds, codecs },
      ];
    },
  };
}
