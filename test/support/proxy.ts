import net from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** A TCP proxy before a server on the loopback address that can be made slow, deaf or absent while it runs. */
export interface Proxy {
  port: number;
  /** ms by which every chunk is late, in each direction. */
  delayMs: number;
  /** Bytes a second to the server, of all connections together; 0: none gets through and nothing is refused. */
  bytesPerSecond: number;
  /** Connections that are open. */
  connections(): number;
  /** Cuts all connections and refuses further ones until `admit`. */
  refuse(): void;
  admit(): void;
  close(): Promise<void>;
}

export async function startProxy(
  targetPort: number,
  start: Partial<Pick<Proxy, 'delayMs' | 'bytesPerSecond'>> = {},
): Promise<Proxy> {
  const sockets = new Set<net.Socket>();
  let refusing = false;
  let closed = false;
  let turn = Promise.resolve();
  /** One connection after the other, so that the rate holds for all of them. */
  const take = (bytes: number): Promise<void> =>
    (turn = turn.then(async () => {
      while (proxy.bytesPerSecond === 0 && !closed) await sleep(20);
      if (Number.isFinite(proxy.bytesPerSecond) && !closed) await sleep((1000 * bytes) / proxy.bytesPerSecond);
    }));

  const server = net.createServer((near) => {
    near.on('error', () => undefined);
    if (refusing) return near.destroy();
    const far = net.connect(targetPort, '127.0.0.1');
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from);
      const hand = (chunk: Buffer) => void (to.writable && to.write(chunk));
      from.on('data', (chunk: Buffer) => {
        if (proxy.delayMs > 0) return setTimeout(() => hand(chunk), proxy.delayMs);
        if (from === far || proxy.bytesPerSecond === Infinity) return hand(chunk);
        from.pause();
        return void take(chunk.length).then(() => {
          hand(chunk);
          from.resume();
        });
      });
      from.on('error', () => to.destroy());
      from.on('close', () => {
        sockets.delete(from);
        to.destroy();
      });
    }
    return undefined;
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const cut = (): void => sockets.forEach((socket) => socket.destroy());
  const proxy: Proxy = {
    delayMs: 0,
    bytesPerSecond: Infinity,
    ...start,
    port: (server.address() as net.AddressInfo).port,
    connections: () => sockets.size / 2,
    refuse() {
      refusing = true;
      cut();
    },
    admit() {
      refusing = false;
    },
    async close() {
      closed = true;
      cut();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return proxy;
}
