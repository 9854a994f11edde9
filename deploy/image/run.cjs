/** What the image runs: `worker`, `starter`, `start-batch` or `rollout`, and `all` where Temporal's program is inside, in this very process, so that signals reach it. */
const path = require('node:path');

const COMMANDS = {
  worker: 'workers/main.js',
  starter: 'starter/server/main.js',
  'start-batch': 'starter/cli/start-batch.js',
  rollout: 'operate/rollout/main.js',
  all: 'local/all.js',
};

const [name = '', ...args] = process.argv.slice(2);
if (!Object.hasOwn(COMMANDS, name)) {
  process.stderr.write(`darkroom: there is no command "${name}"; expected ${Object.keys(COMMANDS).join(', ')}\n`);
  process.exit(2);
}
const script = path.join(__dirname, '../../dist', COMMANDS[name]);
// As if it had been started by itself.
process.argv = [process.argv[0], script, ...args];
require(script);
