import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { say } from './shell.mjs';

const MODULE = 'github.com/versity/versitygw/cmd/versitygw@v1.8.0';

/**
 * The S3 server that the tests run against: on PATH, in the cache folder, or built into it with Go. Where none can be had
 * that is said, and its tests skip with the same words.
 */
export function ensureS3Server() {
  const cache = process.env.DARKROOM_TEST_BIN ?? path.join(homedir(), '.cache', 'darkroom', 'bin');
  const folders = [...(process.env.PATH ?? '').split(path.delimiter), cache];
  if (folders.some((folder) => existsSync(path.join(folder, 'versitygw')))) return;
  if (spawnSync('go', ['version']).status !== 0) {
    say('S3 tests will be skipped: versitygw is not installed, and there is no Go to build it with.');
    return;
  }
  say('Building the S3 server of the tests with Go, once, about 90 seconds');
  mkdirSync(cache, { recursive: true });
  const env = { ...process.env, GOBIN: cache, GOFLAGS: '-buildvcs=false' };
  const { status, stderr } = spawnSync('go', ['install', MODULE], { env, encoding: 'utf8' });
  if (status !== 0) say(`S3 tests will be skipped: building versitygw failed: ${stderr.slice(-500)}`);
}
