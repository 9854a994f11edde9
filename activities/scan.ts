import { createReadStream } from 'node:fs';
import { connect, type Socket } from 'node:net';
import type { WorkItem } from '../common/contracts';
import { DarkroomError } from '../common/errors';
import type { Fetched } from '../storage';
import type { Attempt } from './attempt';
import type { ActivityDeps } from './deps';

/** Bytes in one chunk of clamd's INSTREAM; each chunk has its length in front, four bytes, big-endian. */
const CHUNK = 64 * 1024;
/** Bytes of an answer; clamd answers one line. */
const MAX_ANSWER = 4096;

/**
 * Has a virus scanner look at a source before anything decodes the file, where DARKROOM_CLAMD names one.
 * @throws DarkroomError Infected; MediaTooLarge where the scanner takes no file of this size; ScannerUnavailable
 */
export async function scan(deps: ActivityDeps, attempt: Attempt, item: WorkItem, source: Fetched): Promise<void> {
  const { clamd, clamdMaxBytes } = deps.config;
  if (clamd === undefined) return;
  if (source.bytes > clamdMaxBytes) {
    const details = { bytes: source.bytes, maxBytes: clamdMaxBytes, setting: 'DARKROOM_CLAMD_MAX_BYTES' };
    throw new DarkroomError('MediaTooLarge', 'The file is larger than the virus scanner accepts.', details);
  }
  const onBytes = (bytes: number): void => attempt.progress({ step: 'scan', bytes });
  const answer = await attempt.stages.run('scan', item.kind, () => ask(clamd, source.path, attempt.signal, onBytes));
  if (/ OK$/.test(answer)) return;
  const [, signature] = /^stream: (.+) FOUND$/.exec(answer) ?? [];
  if (signature !== undefined) {
    throw new DarkroomError('Infected', 'The virus scanner found malicious content in the file.', { signature });
  }
  throw new DarkroomError('ScannerUnavailable', 'The virus scanner could not check the file.', { answer });
}

/** Sends a file to clamd. @returns its answer, for example `stream: OK` */
async function ask(
  address: string,
  file: string,
  signal: AbortSignal,
  onBytes: (bytes: number) => void,
): Promise<string> {
  const { hostname, port } = new URL(`tcp://${address}`);
  const socket = connect({ host: hostname.replace(/^\[|\]$/g, ''), port: Number(port), signal });
  try {
    const [answer] = await Promise.all([readAnswer(socket), send(socket, file, onBytes)]);
    return answer;
  } catch (error) {
    signal.throwIfAborted();
    const details = { error: error instanceof Error ? error.message : String(error) };
    // clamd hangs up on a file above its StreamMaxLength, and what it says about that is mostly lost with the connection.
    const sentence = socket.bytesWritten > 0 ? 'closed the connection before it answered' : 'cannot be reached';
    throw new DarkroomError('ScannerUnavailable', `The virus scanner ${sentence}.`, details, { cause: error });
  } finally {
    socket.destroy();
  }
}

async function send(socket: Socket, file: string, onBytes: (bytes: number) => void): Promise<void> {
  let bytes = 0;
  await write(socket, Buffer.from('zINSTREAM\0'));
  for await (const chunk of createReadStream(file, { highWaterMark: CHUNK }) as AsyncIterable<Buffer>) {
    await write(socket, Buffer.concat([length(chunk.length), chunk]));
    onBytes((bytes += chunk.length));
  }
  await write(socket, length(0));
}

function length(bytes: number): Buffer {
  const prefix = Buffer.alloc(4);
  prefix.writeUInt32BE(bytes);
  return prefix;
}

/** Settles when the bytes have left for the scanner, so that a slow scanner slows the reading. */
function write(socket: Socket, bytes: Buffer): Promise<void> {
  return new Promise((resolve, reject) => socket.write(bytes, (error) => (error ? reject(error) : resolve())));
}

function readAnswer(socket: Socket): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    let failure: Error | undefined;
    socket.setEncoding('utf8');
    socket.on('data', (part: string) => {
      text += part;
      if (text.includes('\0') || text.length > MAX_ANSWER) socket.end();
    });
    socket.once('error', (error) => (failure = error));
    socket.once('close', () => {
      const answer = text.split('\0')[0]?.trim() ?? '';
      if (answer !== '') resolve(answer);
      else reject(failure ?? new Error('the connection was closed without an answer'));
    });
  });
}
