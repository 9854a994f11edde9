import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Somebody who is told of alerts: remembers every call that Alertmanager makes. */
export interface Listener {
  /** For `page` and `ticket`. */
  url(receiver: string): string;
  /** `receiver alert status`, each once, in the order of the first call. */
  heard(): string[];
  close(): Promise<void>;
}

interface Notification {
  alerts: { status: string; labels: Record<string, string> }[];
}

/** Listens on any free port of the loopback address. */
export async function startListener(): Promise<Listener> {
  const heard = new Set<string>();
  const server = createServer((request, response) => {
    void bodyOf(request).then((body) => {
      const receiver = (request.url ?? '').slice(1);
      const { alerts } = JSON.parse(body) as Notification;
      for (const { status, labels } of alerts) heard.add(`${receiver} ${labels['alertname']} ${status}`);
      response.end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: (receiver) => `http://127.0.0.1:${port}/${receiver}`,
    heard: () => [...heard],
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}
