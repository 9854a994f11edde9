/** Neighbours that quote everything they were sent, as no decent service would: what we repeat of them must hold no secret. */
import { createServer as createHttpServer } from 'node:http';
import { createServer as createTcpServer, type AddressInfo, type Server } from 'node:net';

export interface Hostile {
  port: number;
  /** How often somebody came. */
  visits(): number;
  close(): Promise<void>;
}

/** Refuses every request in the words of S3, with all of its headers. */
export function hostileHttp(): Promise<Hostile> {
  let visits = 0;
  const server = createHttpServer((request, response) => {
    visits++;
    request.resume();
    const said = Object.entries(request.headers)
      .map(([name, value]) => `${name}=${String(value).replace(/[<&]/g, ' ')}`)
      .join(' ');
    const { pathname } = new URL(request.url ?? '/', 'http://here');
    const xml = `<Error><Code>AccessDenied</Code><Message>${pathname} ${said}</Message></Error>`;
    response.writeHead(403, { 'content-type': 'application/xml' }).end(xml);
  });
  return listening(server, () => visits);
}

/** Answers every line with an error of Redis that repeats it. */
export function hostileRedis(): Promise<Hostile> {
  let visits = 0;
  const server = createTcpServer((socket) => {
    visits++;
    socket.on('error', () => undefined);
    socket.on('data', (data) => {
      const said = data.toString('latin1').replaceAll(/[\r\n]+/g, ' ');
      const commands = data.toString('latin1').match(/^\*\d+/gm)?.length ?? 1;
      socket.write(`-ERR you said ${said}\r\n`.repeat(commands));
    });
  });
  return listening(server, () => visits);
}

async function listening(server: Server, visits: () => number): Promise<Hostile> {
  const open = new Set<{ destroy(): void }>();
  server.on('connection', (socket) => void open.add(socket));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    visits,
    close: () => {
      for (const socket of open) socket.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}
