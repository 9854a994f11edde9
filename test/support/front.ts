import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';

export interface FrontAnswer {
  status: number;
  headers?: Record<string, string>;
  body?: string;
}

/** An HTTP proxy before a real server, that answers in its place where the test says so. */
export interface Front {
  url: string;
  /** Undefined lets a request through. `cut` breaks its connection. */
  answer: (request: http.IncomingMessage) => FrontAnswer | 'cut' | undefined;
  /** Takes the whole request before any of it goes on, as nginx does by default. */
  buffers: boolean;
  /** Where requests go; a server that was started again has another port. */
  target: string;
  close(): Promise<void>;
}

export async function startFront(target: string): Promise<Front> {
  const server = http.createServer((request, response) => {
    const own = front.answer(request);
    if (own === 'cut') return request.socket.destroy();
    if (own !== undefined) {
      response.writeHead(own.status, own.headers);
      return response.end(own.body);
    }
    if (!front.buffers) return pass(front, request, response, request);
    return void buffer(request).then(
      (body) => pass(front, request, response, Readable.from([body])),
      () => response.destroy(),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const front: Front = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    answer: () => undefined,
    buffers: false,
    target,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return front;
}

function pass(front: Front, request: http.IncomingMessage, response: http.ServerResponse, body: Readable): void {
  const { method, headers } = request;
  const onward = http.request(new URL(request.url ?? '/', front.target), { method, headers }, (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.headers);
    answer.pipe(response);
    answer.on('error', () => response.destroy());
  });
  onward.on('error', () => response.destroy());
  request.on('error', () => onward.destroy());
  response.on('close', () => onward.destroy());
  body.pipe(onward);
}
