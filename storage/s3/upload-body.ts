import { ClientRequest } from 'node:http';
import type { Socket } from 'node:net';
import { readFile } from 'node:fs/promises';
import { Readable } from 'node:stream';

/** Bytes handed to the network at once. */
const SLICE = 256 * 1024;
/** ms between two looks at how much has arrived. */
const LOOK_EVERY = 1000;

/**
 * The body of a request that tells how much of it the store has taken, about once a second while that grows. Node itself
 * knows only what it has given to the kernel, which takes 4 MB for each connection at once and then needs a minute for them
 * on a slow line; so what still waits there is asked for where the system tells (Linux).
 */
export class UploadBody extends Readable {
  private handed = 0;
  private taken = 0;

  /** @param onTaken called with the bytes of `data` that the store has taken */
  constructor(
    private readonly data: Buffer,
    private readonly onTaken: (bytes: number) => void,
  ) {
    super({ highWaterMark: SLICE });
  }

  override _read(): void {
    const slice = this.data.subarray(this.handed, this.handed + SLICE);
    this.handed += slice.length;
    this.push(slice.length > 0 ? slice : null);
  }

  override pipe<T extends NodeJS.WritableStream>(to: T, options?: { end?: boolean }): T {
    if (to instanceof ClientRequest) this.watch(to);
    return super.pipe(to, options);
  }

  private watch(request: ClientRequest): void {
    const timer = setInterval(() => void this.look(request).catch(() => undefined), LOOK_EVERY);
    request.once('close', () => clearInterval(timer));
  }

  private async look(request: ClientRequest): Promise<void> {
    const { socket } = request;
    if (socket === null || socket.connecting) return;
    const unsent = await unsentBytes(socket);
    const taken = this.handed - this.readableLength - request.writableLength - unsent;
    if (taken <= this.taken) return;
    this.taken = taken;
    // What moves in the kernel alone, Node's clock for silent connections does not see.
    socket.setTimeout(socket.timeout ?? 0);
    this.onTaken(taken);
  }
}

/** Bytes that the kernel holds for a connection because the other side has not taken them yet; 0 where it does not tell. */
async function unsentBytes({ localPort = 0, remotePort = 0, remoteFamily }: Socket): Promise<number> {
  const table = await readFile(remoteFamily === 'IPv6' ? '/proc/net/tcp6' : '/proc/net/tcp', 'latin1').catch(() => '');
  const port = (number: number) => `[0-9A-F]+:${number.toString(16).toUpperCase().padStart(4, '0')}`;
  // Local address, remote address, state (01: established), bytes to send.
  const row = new RegExp(`^ *\\d+: ${port(localPort)} ${port(remotePort)} 01 ([0-9A-F]{8}):`, 'm').exec(table);
  return row === null ? 0 : parseInt(row[1] ?? '0', 16);
}
