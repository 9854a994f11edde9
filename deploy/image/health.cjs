/** HEALTHCHECK of the image: asks /ready of the service that runs here, by the ports of its configuration. */
const { readFileSync } = require('node:fs');
const { loadConfig } = require('../../dist/common/config');

const config = loadConfig();
// The first process is tini, with the command's name among its arguments.
const words = readFileSync('/proc/1/cmdline', 'utf8').split('\0');
const port = words.includes('starter') || words.includes('all') ? config.httpPort : config.workerPort;

async function check() {
  if (words.includes('start-batch')) return;
  const response = await fetch(`http://127.0.0.1:${port}/ready`, { signal: AbortSignal.timeout(4000) });
  if (!response.ok) throw new Error(await response.text());
}

check().catch((error) => {
  process.stderr.write(`${error.message}\n`);
  process.exit(1);
});
