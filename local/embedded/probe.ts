import { Connection } from '@temporalio/client';
import net from 'node:net';

const PROBE_MS = 3_000;

/** What listens at host:port: nothing, a Temporal server that answers its health check, or something else. */
export async function probe(address: string): Promise<'free' | 'temporal' | 'other'> {
  if (!(await accepts(address))) return 'free';
  try {
    // Connecting asks for the server's system info, which only a Temporal server that is up can answer.
    const connection = await Connection.connect({ address, connectTimeout: PROBE_MS, tls: false });
    await connection.close();
    return 'temporal';
  } catch {
    return 'other';
  }
}

/** True if something accepts TCP connections at host:port. */
export function accepts(address: string, timeoutMs = PROBE_MS): Promise<boolean> {
  const { hostname, port } = new URL(`tcp://${address}`);
  return new Promise((resolve) => {
    const socket = net.connect({ host: hostname.replace(/^\[|\]$/g, ''), port: Number(port) });
    const answer = (value: boolean) => {
      socket.destroy();
      resolve(value);
    };
    socket.setTimeout(timeoutMs, () => answer(false));
    socket.on('connect', () => answer(true));
    socket.on('error', () => answer(false));
  });
}
