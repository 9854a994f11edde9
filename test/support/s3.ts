import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { homedir, tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { freePort } from '../../local/embedded/free-port';

export interface TestS3 {
  endpoint: string;
  accessKey: string;
  secretKey: string;
  /** A client with full rights, for looking at what the code under test did. */
  client: S3Client;
  /** The folder whose folders are the buckets: files that are put there are objects. */
  data: string;
  /** Makes a bucket and returns its name. */
  bucket(name: string): Promise<string>;
  stop(): Promise<void>;
}

/** ms, for the hook that calls startS3. */
export const S3_START_TIMEOUT = 60_000;

/** A real S3 server on a free port, or undefined (with the reason printed) where none can be had. */
export async function startS3(): Promise<TestS3 | undefined> {
  const binary = findServer();
  if (binary === undefined) return undefined;
  const folder = await mkdtemp(path.join(tmpdir(), 'darkroom-s3-'));
  const [data, sidecar] = [path.join(folder, 'data'), path.join(folder, 'sidecar')];
  await Promise.all([mkdir(data), mkdir(sidecar)]);
  const port = await freePort();
  const [accessKey, secretKey] = ['darkroom-test', 'darkroom-test-secret'];
  const flags = ['--quiet', '--port', `127.0.0.1:${port}`, '--access', accessKey, '--secret', secretKey];
  // The sidecar spares the need for extended attributes, which not every temporary folder has.
  const child = spawn(binary, [...flags, '--keep-alive', 'posix', '--sidecar', sidecar, data], { stdio: 'ignore' });
  await answering(port, child);
  const endpoint = `http://127.0.0.1:${port}`;
  const client = new S3Client({
    endpoint,
    region: 'us-east-1',
    forcePathStyle: true,
    credentials: { accessKeyId: accessKey, secretAccessKey: secretKey },
  });
  return {
    endpoint,
    accessKey,
    secretKey,
    client,
    data,
    async bucket(name) {
      await client.send(new CreateBucketCommand({ Bucket: name }));
      return name;
    },
    async stop() {
      client.destroy();
      if (child.exitCode === null && child.signalCode === null) {
        child.kill('SIGKILL');
        await new Promise((resolve) => child.once('exit', resolve));
      }
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** On PATH or in the cache folder, where the set-up of `npm test` builds it. */
function findServer(): string | undefined {
  const cache = process.env['DARKROOM_TEST_BIN'] ?? path.join(homedir(), '.cache', 'darkroom', 'bin');
  const folders = [...(process.env['PATH'] ?? '').split(path.delimiter), cache];
  const found = folders.map((folder) => path.join(folder, 'versitygw')).find((candidate) => existsSync(candidate));
  if (found === undefined) {
    console.warn('S3 tests skipped: no versitygw; node scripts/setup.mjs --tests builds it where Go is.');
  }
  return found;
}

/** A test against the real server; skipped, with the reason printed, where there is none. */
export const testWithS3 = findServer() === undefined ? test.skip : test;

async function answering(port: number, child: ChildProcess): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    if (child.exitCode !== null) throw new Error(`the S3 server ended with code ${child.exitCode}`);
    const open = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1');
      const done = (result: boolean): void => {
        socket.destroy();
        resolve(result);
      };
      socket.once('connect', () => done(true)).once('error', () => done(false));
    });
    if (open) return;
    await sleep(50);
  }
  child.kill('SIGKILL');
  throw new Error('the S3 server did not answer within 10 s');
}
