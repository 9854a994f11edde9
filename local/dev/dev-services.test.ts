import { startStack, until, type Stack } from '../../test/support/stack';
import { DevServices } from './dev-services';

let stack: Stack;
let services: DevServices;
const lines: string[] = [];
const before = { ...process.env };

beforeAll(async () => {
  stack = await startStack({ DARKROOM_HTTP_PORT: '0', DARKROOM_HEALTH_PORT: '0', DARKROOM_POOLS: 'workflows' });
  process.env = { ...stack.env };
  const address = stack.config.temporalAddress ?? '';
  services = new DevServices(stack.config, { address, uiUrl: 'http://127.0.0.1:1/ui' }, (line) => lines.push(line));
  await services.restart();
}, 90_000);
afterAll(async () => {
  await services.stop();
  process.env = before;
  await stack.stop();
});

const ready = () => lines.flatMap((line) => /^API server ready \(pid (\d+)\); the page: (\S+)$/.exec(line) ?? []);
const at = (index: number) => ready()[index] ?? '';

test('an API server that is killed comes back by itself, with no save', async () => {
  expect((await fetch(at(2))).headers.get('content-type')).toContain('text/html');
  process.kill(Number(at(1)), 'SIGKILL');
  await until(async () => ready().length === 6, 300);
  expect(lines).toContain('API server crashed (signal SIGKILL); restarting in 2 s');
  expect((await fetch(`${at(5)}/ready`)).status).toBe(200);
  expect(Number(at(4))).not.toBe(Number(at(1)));
});

test('what is ended on purpose stays ended', async () => {
  const count = lines.length;
  await services.stop();
  expect(() => process.kill(Number(at(4)), 0)).toThrow('ESRCH');
  expect(lines).toHaveLength(count);
});
