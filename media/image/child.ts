/**
 * A process of the image pool: works on one image at a time, so that a decoder's crash, hang or memory takes one image along
 * and nothing else. Started by `imageChild.ts`.
 */
import { DarkroomError } from '../../common/errors';
import { lockDown } from './loaders';
import { processImage } from './process';
import type { Reply, Request } from './types';

lockDown();

// A terminal's Ctrl-C and a supervisor's TERM reach the whole group; the parent decides when this process ends.
process.on('SIGINT', () => undefined);
process.on('SIGTERM', () => undefined);
// The parent is gone. `exit` would wait for the encoder's thread; nobody wants its result any more.
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));
process.on('message', (request: Request) => void answer(request));

async function answer({ id, task }: Request): Promise<void> {
  let reply: Reply;
  try {
    reply = { id, ok: true, outcome: await processImage(task) };
  } catch (error) {
    reply = { id, ok: false, error: parts(error) };
  }
  process.send?.(reply);
}

function parts(error: unknown): { type: DarkroomError['type']; message: string; details: DarkroomError['details'] } {
  if (error instanceof DarkroomError) return { type: error.type, message: error.message, details: error.details };
  const details = { message: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  return {
    type: 'EncoderFailed',
    message: 'The image could not be processed because of a fault in Darkroom.',
    details,
  };
}
