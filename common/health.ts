import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** The state of one thing that the process depends on. */
export interface DependencyState {
  ok: boolean;
  /** One sentence for whoever reads /ready. */
  detail?: string;
  /** Told, but the process is ready without it. */
  optional?: true;
}

export interface Health {
  /** What /ready tells: ready when every entry is ok. */
  ready(): Promise<Record<string, DependencyState>> | Record<string, DependencyState>;
  /** The text of /metrics. */
  metrics(): Promise<string>;
}

export interface Readiness {
  status: 200 | 503;
  body: { status: string; dependencies: Record<string, DependencyState> };
}

/** JSON body and status of /ready. */
export async function readiness(health: Pick<Health, 'ready'>): Promise<Readiness> {
  const dependencies = await health.ready();
  const ready = Object.values(dependencies).every(({ ok, optional }) => ok || optional);
  return { status: ready ? 200 : 503, body: { status: ready ? 'ready' : 'not ready', dependencies } };
}

/**
 * Serves /live, /ready and /metrics for a process that has no other HTTP server.
 * @returns the server, listening, and its port
 */
export async function serveHealth(
  health: Health,
  host: string,
  port: number,
): Promise<{ server: Server; port: number }> {
  const server = createServer((request, response) => {
    void answer(health, request.url ?? '/', response).catch((error: unknown) => {
      respond(response, 500, { status: 'error', detail: error instanceof Error ? error.message : String(error) });
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  return { server, port: (server.address() as AddressInfo).port };
}

/** Why a process could not listen, as its operator is to read it; `variable` sets the port. */
export function listenFailure(error: unknown, variable: string): unknown {
  const { code, address, port } = error as NodeJS.ErrnoException & { address?: string; port?: number };
  if (code === 'EADDRINUSE') return new Error(`Port ${port} of ${address} is taken: free it, or set ${variable}.`);
  if (code === 'EACCES') return new Error(`Port ${port} may not be listened on by this user: set ${variable}.`);
  return error;
}

async function answer(health: Health, url: string, response: ServerResponse): Promise<void> {
  switch (url.split('?')[0]) {
    case '/live':
      return respond(response, 200, { status: 'live' });
    case '/ready': {
      const { status, body } = await readiness(health);
      return respond(response, status, body);
    }
    case '/metrics':
      response.setHeader('content-type', 'text/plain; version=0.0.4; charset=utf-8');
      return void response.end(await health.metrics());
    default:
      return respond(response, 404, { status: 'not found', try: ['/live', '/ready', '/metrics'] });
  }
}

function respond(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}
