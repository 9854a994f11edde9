import { execFile } from 'node:child_process';
import { built } from './paths';

function run(module: string, ...words: string[]): Promise<{ code: unknown; text: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [built(module), ...words], { timeout: 30_000 }, (error, stdout, stderr) =>
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

test.each([
  [['--jsonn'], "unknown option '--jsonn' (Did you mean --json?)\n"],
  [['backlog', 'more'], "too many arguments for 'backlog'. Expected 0 arguments but got 1.\n"],
  [
    ['backlog', '--patience', 'x'],
    expect.stringMatching(/'--patience <duration>' argument 'x' is invalid\. expected a/),
  ],
])('the doctor refuses %j', async (words, text) => {
  expect(await run('operate/doctor/main.js', ...words)).toEqual({ code: 2, text });
});
