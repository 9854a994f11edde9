/**
 * A worker that is frozen just before it publishes, and woken after another one has published. Real workers with as many
 * threads as make them encode differently, a real S3 server.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { GetObjectCommand, ListObjectsV2Command } from '@aws-sdk/client-s3';
import { taskQueue } from '../../common/pools';
import { parsePreset } from '../../media/presets';
import { fileUri } from '../../storage';
import { clipFolder, ffmpeg, picture, X264 } from '../support/clips';
import { checkedManifest, filesOf, labItem } from '../support/lab';
import { S3_START_TIMEOUT, startS3, testWithS3, type TestS3 } from '../support/s3';
import { startStack, until, type Stack } from '../support/stack';

const clips = clipFolder();
let s3: TestS3 | undefined;
let gate: Gate;
let stack: Stack;

beforeAll(async () => {
  s3 = await startS3();
  if (s3 === undefined) return;
  await s3.bucket('out');
  gate = await startGate(s3.endpoint);
  stack = await startStack({
    S3_ENDPOINT: s3.endpoint,
    S3_FORCE_PATH_STYLE: 'true',
    S3_ACCESS_KEY_ID: s3.accessKey,
    S3_SECRET_ACCESS_KEY: s3.secretKey,
    DARKROOM_ALLOWED_BUCKETS: 'out',
  });
}, S3_START_TIMEOUT);
afterAll(async () => {
  await stack?.stop();
  gate?.close();
  await s3?.stop();
  clips.remove();
});

interface Gate {
  endpoint: string;
  /** Called with the headers of the first PUT of an MP4, which goes on when the promise is fulfilled. */
  onPut?: (headers: http.IncomingHttpHeaders) => Promise<void>;
  close(): void;
}

/** Before an S3 server: all requests go through as they are, and one has to wait. */
async function startGate(endpoint: string): Promise<Gate> {
  const gate: Gate = { endpoint: '', close: () => undefined };
  const server = http.createServer((request, response) => {
    const { method, url = '', headers } = request;
    const mayPass = async (): Promise<void> => {
      if (method !== 'PUT' || !url.includes('.mp4')) return;
      const { onPut } = gate;
      gate.onPut = undefined;
      await onPut?.(headers);
    };
    void mayPass().then(() => {
      const { hostname, port } = new URL(endpoint);
      const onward = http.request({ hostname, port, method, path: url, headers }, (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.rawHeaders);
        answer.pipe(response);
      });
      onward.on('error', () => response.destroy());
      request.pipe(onward);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  gate.endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  gate.close = () => {
    server.closeAllConnections();
    server.close();
  };
  return gate;
}

/** What lies below a prefix of the bucket, as files in a folder. */
async function download(server: TestS3, prefix: string, folder: string): Promise<string> {
  const { Contents } = await server.client.send(new ListObjectsV2Command({ Bucket: 'out', Prefix: prefix }));
  for (const { Key = '' } of Contents ?? []) {
    const { Body } = await server.client.send(new GetObjectCommand({ Bucket: 'out', Key }));
    const file = path.join(folder, Key.slice(prefix.length));
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, (await Body?.transformToByteArray()) ?? '');
  }
  return folder;
}

testWithS3(
  'what it would have published changes nothing, and goes',
  async () => {
    const server = s3 as TestS3;
    const source = path.join(stack.home, 'frozen.mp4');
    ffmpeg(`${picture('640x360', 3)} ${X264}`, source);
    const rung = '{ name: low, height: 180, crf: 30, maxrate: 200, speed: ultrafast, audioBitrate: 64 }';
    const preset = parsePreset('encode', `video: { audio: drop, rungs: [${rung}] }`);
    const item = labItem(source, {
      ...{ kind: 'video', mode: 'interactive', source: fileUri(source), output: 's3://out/frozen', preset },
    });

    await stack.worker({ DARKROOM_POOLS: 'workflows' });
    const scratch = path.join(stack.home, 'scratch-frozen');
    const frozen = await stack.worker({
      ...{ DARKROOM_POOLS: 'video', DARKROOM_FFMPEG_THREADS: '1' },
      ...{ DARKROOM_SCRATCH_DIR: scratch, S3_ENDPOINT: gate.endpoint },
    });
    let sent: string | undefined;
    let letGo = (): void => undefined;
    gate.onPut = (headers) => {
      process.kill(frozen.pid, 'SIGSTOP');
      sent = String(headers['x-amz-meta-sha256']);
      return new Promise((resolve) => (letGo = resolve));
    };
    const handle = await stack.client.workflow.start('processVideo', {
      workflowId: 'once/frozen',
      taskQueue: taskQueue(stack.config.queuePrefix, 'workflows'),
      args: [item],
    });
    await until(() => sent !== undefined);
    try {
      await stack.worker({ DARKROOM_POOLS: 'video', DARKROOM_FFMPEG_THREADS: '4' });
      await handle.result();
      const before = await checkedManifest(await download(server, 'frozen/', clips.at('before')));
      // Else the frozen worker could do no harm, and this test would show nothing.
      expect(before.renditions.map(({ sha256 }) => sha256)).not.toContain(sent);

      process.kill(frozen.pid, 'SIGCONT');
      letGo();
      // Each attempt has a folder there; beside them lies the sign of life of the worker.
      await until(async () => Object.keys(await filesOf(scratch)).every((file) => path.basename(file) === 'alive'));
      expect(await checkedManifest(await download(server, 'frozen/', clips.at('after')))).toEqual(before);
    } finally {
      process.kill(frozen.pid, 'SIGCONT');
      letGo();
    }
  },
  180_000,
);
