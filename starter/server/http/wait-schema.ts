import { z } from 'zod';
import { duration } from '../../../common/config/parse';

/** No proxy on the way keeps a silent connection for longer. */
const LONGEST_WAIT_MS = 120_000;
const PLAYABLE = 'playable';

/** What a caller waits for, and for how many ms. */
export const wait = z
  .string()
  .regex(/^(playable|\d{1,6}(ms|s|m))$/, 'expected a time such as 30s, or playable')
  .transform((text) => ({
    isPlayableEnough: text === PLAYABLE,
    ms: text === PLAYABLE ? LONGEST_WAIT_MS : Math.min(duration(text), LONGEST_WAIT_MS),
  }))
  .optional()
  .describe(
    'Hold the answer until the job is done, for so long at most (30s, 2m; at most 2m); playable: until its stream can be played, or it is done, for 2m at most',
  );
