import { badOutput } from '../check/finish';
import { readMp4 } from '../check/mp4';
import type { BranchId, SoundTrack } from '../types';
import type { Branch, SoundPlan } from './branch';

/**
 * The sound alone, AAC at one bitrate, for rungs that are made by several tasks: each copies it instead of encoding it
 * anew. It begins at zero, so that a copy is in sync with pictures that do, wherever the source's sound begins.
 */
export function soundBranch(kbps: number): Branch {
  return branchOf(`sound:${kbps}`, `sound-${kbps}k`, { kbps, fromZero: true });
}

/** A sound of the stream alone, as `<name>.m4a`. */
export function trackBranch({ name, kbps, index, channels }: SoundTrack): Branch {
  return branchOf(`track:${name}`, name, { kbps, fromZero: true, index, channels });
}

function branchOf(id: BranchId, title: string, sound: SoundPlan): Branch {
  const { kbps } = sound;
  const name = `${title}.m4a`;
  return {
    id,
    names: [name],
    films: [{ name, sound }],
    makes: { width: 0, height: 0, kbps },
    finish: async ({ partOf, measure }) => {
      const facts = await readMp4(partOf(name)).catch((error: unknown) => {
        throw badOutput('The encoder wrote a file that cannot be read.', { cause: String(error) });
      });
      if (!facts.audio?.packets) throw badOutput('The encoder lost the sound.', { codecs: facts.codecs });
      const { durationSeconds, codecs } = facts;
      return [{ name: title, role: 'audio', mime: 'audio/mp4', ...(await measure(name)), durationSeconds, codecs }];
    },
  };
}
