import { createHmac } from 'node:crypto';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { MockActivityEnvironment } from '@temporalio/testing';
import type { WebhookCall } from '../common/webhooks';
import { tenantWebhookSecret, webhookKey } from '../common/webhook-secret';
import { openLab, type Lab } from '../test/support/lab';
import { until } from '../test/support/stack';
import { deliverWebhook } from './webhook';

const SECRET = 'a secret of more than sixteen bytes';
let lab: Lab;
let hanging: Server;
let receiver: Server;
let files: Server;
let held = 0;
const calls: { headers: IncomingHttpHeaders; body: string }[] = [];

const listening = (server: Server): Promise<Server> =>
  new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)));
const hostOf = (server: Server): string => `127.0.0.1:${(server.address() as AddressInfo).port}`;

beforeAll(async () => {
  hanging = await listening(createServer(() => held++));
  receiver = await listening(
    createServer((request, response) => {
      void buffer(request).then((body) => {
        calls.push({ headers: request.headers, body: body.toString() });
        response.writeHead(204).end();
      });
    }),
  );
  files = await listening(createServer((_request, response) => response.end('a file')));
  const hosts = [hostOf(hanging), hostOf(receiver)].join();
  lab = await openLab({
    DARKROOM_WEBHOOK_SECRET: SECRET,
    DARKROOM_PRIVATE_HOSTS: `${hosts},${hostOf(files)}`,
    DARKROOM_CALLBACK_HOSTS: hosts,
  });
});
afterAll(async () => {
  for (const server of [hanging, receiver, files]) {
    server.closeAllConnections();
    server.close();
  }
  await lab.close();
});

const deliver = (server: Server, tenant?: string): Promise<void> => {
  const event = {
    type: 'batch.ended',
    tenant,
    batch: 'b',
    items: 1,
    succeeded: 1,
    failed: 0,
    cancelled: 0,
    at: '',
  } as const;
  const call: WebhookCall = { url: `http://${hostOf(server)}/`, id: 'run', tenant, event };
  return new MockActivityEnvironment({ attempt: 1 }).run(deliverWebhook, lab.deps, call);
};

const isSignedBy = (secret: string, { headers, body }: (typeof calls)[number]): boolean => {
  const text = `${String(headers['webhook-id'])}.${String(headers['webhook-timestamp'])}.${body}`;
  const signature = createHmac('sha256', webhookKey(secret)).update(text).digest('base64');
  return headers['webhook-signature'] === `v1,${signature}`;
};

test('a call is signed by the secret of its tenant, which no other tenant has', async () => {
  for (const tenant of ['acme', 'globex', undefined]) await deliver(receiver, tenant);
  const [acme, globex] = ['acme', 'globex'].map((tenant) => tenantWebhookSecret(SECRET, tenant));
  const signed = calls.map((call) => [acme!, globex!, SECRET].map((secret) => isSignedBy(secret, call)));
  expect(signed).toEqual([
    [true, false, false],
    [false, true, false],
    [false, false, true],
  ]);
  expect(calls.map(({ body }) => (JSON.parse(body) as { tenant?: string }).tenant)).toEqual([
    'acme',
    'globex',
    undefined,
  ]);
});

test('a private host that files may be read from is not called', async () => {
  await expect(deliver(files)).rejects.toMatchObject({
    type: 'InvalidJob',
    nonRetryable: true,
  });
});

test('a host that never answers holds eight places; the next call comes later, and other hosts are called at once', async () => {
  const hung = Array.from({ length: 8 }, () => deliver(hanging).catch((error: unknown) => error));
  await until(() => held === 8);
  await expect(deliver(hanging)).rejects.toMatchObject({ nonRetryable: false, nextRetryDelay: expect.any(Number) });
  expect(held).toBe(8);
  await deliver(receiver, 'acme');
  hanging.closeAllConnections();
  await Promise.all(hung);
  const next = deliver(hanging).catch((error: unknown) => error);
  await until(() => held === 9);
  hanging.closeAllConnections();
  await next;
});
