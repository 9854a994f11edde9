import { execFile } from 'node:child_process';
import { built } from './paths';

function run(module: string, argument: string): Promise<{ code: unknown; text: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [built(module), argument], { timeout: 30_000 }, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : error.code, text: stdout + stderr }),
    );
  });
}

test.each([
  ['local/embedded/stop.js', 'Ends the embedded Temporal server'],
  ['local/dev/main.js', 'rebuilt and restarted'],
  ['operate/monitor/main.js', 'Prometheus'],
  ['workers/main.js', 'serves the pools'],
  ['starter/server/main.js', 'The HTTP API'],
  ['observability/write.js', 'Writes the rule files'],
])('%s says what it does on --help, and does nothing', async (module, words) => {
  const text = expect.stringMatching(new RegExp(`^Usage: [^]*${words}`));
  expect(await run(module, '--help')).toEqual({ code: 0, text });
});

test('what is not taken is refused', async () => {
  const text = expect.stringMatching(/^error: too many arguments/);
  expect(await run('local/embedded/stop.js', 'nonsense')).toEqual({ code: 2, text });
});
