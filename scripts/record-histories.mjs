/**
 * Records the histories of test/e2e/replay.test.ts, as protobuf (this SDK release cannot read its own JSON form):
 *   node scripts/record-histories.mjs <host:port> <workflow id>=<name> …
 */
import { createRequire } from 'node:module';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { root } from './setup/shell.mjs';

const require = createRequire(import.meta.url);
const { Client, Connection } = require('@temporalio/client');
const { temporal } = require('@temporalio/proto');

const [address, ...wanted] = process.argv.slice(2);
const connection = await Connection.connect({ address });
const client = new Client({ connection });
const folder = path.join(root, 'test/histories');
mkdirSync(folder, { recursive: true });
for (const entry of wanted) {
  const split = entry.lastIndexOf('=');
  const history = await client.workflow.getHandle(entry.slice(0, split)).fetchHistory();
  const bytes = temporal.api.history.v1.History.encode(history).finish();
  writeFileSync(path.join(folder, `${entry.slice(split + 1)}.pb`), bytes);
}
await connection.close();
