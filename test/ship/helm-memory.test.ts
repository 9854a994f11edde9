/** What the workers chart says about memory is what the workers themselves say. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { parse } from 'yaml';
import { loadConfig } from '../../common/config';
import { size } from '../../common/config/parse';
import { NEEDS, planSlots, WORKER_BYTES } from '../../workers/slots';
import { chartFolder, describeWithHelm, find, refusal, render, valuesFiles, type Manifest } from './helm-chart';

const MIB = 2 ** 20;
const MINIMAL = 'ci/minimal-values.yaml';

test('the chart has the numbers of the workers', () => {
  const text = readFileSync(path.join(chartFolder('workers'), 'templates/_memory.tpl'), 'utf8');
  const needs = /define "workers.memoryNeeds" -}}([^{]*(?:{[^{}]*}[^{]*)*){{- end/.exec(text)?.[1] ?? '';
  const { worker, ...slots } = parse(needs) as { worker: number } & Record<string, { ordinary: number; least: number }>;
  expect(worker * MIB).toBe(WORKER_BYTES);
  expect(Object.keys(slots)).toEqual(Object.keys(NEEDS));
  for (const [pool, { ordinary, least }] of Object.entries(NEEDS)) {
    expect(slots[pool]).toMatchObject({ ordinary: ordinary / MIB, least: least / MIB });
  }
});

/** Whether a worker with these values would start, and with what sentence it would not. */
function startOf(pod: Manifest, config: Record<string, string>): string {
  const [container] = pod.containers;
  const env = container.env.map(({ name, value }: Manifest) => [name, value]);
  const own = Object.entries({ ...config, ...Object.fromEntries(env) }).filter(([name]) =>
    /^DARKROOM_(POOLS|\w+_SLOTS|IMAGE_MAX_RSS|FFMPEG_MAX_MEMORY|MODEL_MEMORY)$/.test(name),
  );
  const limit = String(container.resources.limits.memory).replace(/i$/, 'iB');
  try {
    planSlots(loadConfig(Object.fromEntries(own)), {
      cores: 8,
      memory: size(limit),
      scratch: 0,
    });
    return '';
  } catch (error) {
    return (error as Error).message;
  }
}

describeWithHelm('helm/workers', () => {
  test.each(valuesFiles('workers'))('%s: every worker has slots that fit its limit', (file) => {
    const manifests = render('workers', [file]);
    const { data } = find(manifests, 'ConfigMap', 'workers-config');
    const pods = manifests.filter(({ kind }) => kind === 'Deployment').map(({ spec }) => spec.template.spec);
    expect(pods.map((pod: Manifest) => startOf(pod, data))).toEqual(pods.map(() => ''));
  });

  const at = (pool: string, memory: string, ...more: string[]): string[] => [
    `pools.${pool}.resources.limits.memory=${memory}`,
    ...more.map((one) => (one.startsWith('env') ? one : `pools.${pool}.${one}`)),
  ];

  test.each([
    [at('image', '3Gi', 'slots=3'), /3 image slots x 1024 MiB \+ 512 MiB for the worker itself = 3584 MiB, but .* 3Gi/],
    [at('image', '3584Mi', 'slots=3'), undefined],
    [at('image', '3G', 'slots=3'), /is 3G \(2861 MiB\)/],
    [at('image', '4Gi', 'slots=2', 'env.DARKROOM_IMAGE_MAX_RSS=2GiB'), /2 image slots x 2048 MiB .* = 4608 MiB/],
    [at('image', '4Gi', 'slots=2', 'env.DARKROOM_IMAGE_MAX_RSS=1.5GiB'), undefined],
    [at('image', '4Gi', 'slots=2', 'env.DARKROOM_IMAGE_MAX_RSS=0'), undefined],
    [
      at('image', '4Gi', 'slots=2', 'env.DARKROOM_IMAGE_MAX_RSS=2GiB'),
      /Lower pools\.image\.slots or DARKROOM_IMAGE_MAX_RSS/,
    ],
    [at('video', '8Gi', 'slots=4'), /4 video slots x 2048 MiB .* = 8704 MiB, but resources\.limits\.memory is 8Gi/],
    [at('video', '1536Mi', 'slots=1'), undefined],
    [at('video', '1Gi', 'slots=0'), /pools\.video: the memory does not add up: 1 video slot x 1024 MiB \+/],
    [['env.DARKROOM_FFMPEG_MAX_MEMORY=8GiB'], /pools\.video: .*2 video slots x 8192 MiB/],
    [
      at('models', '1Gi', 'slots=4'),
      /pools\.models: .*1 models slot x 1024 MiB \+ 512 MiB .*Lower .* DARKROOM_MODEL_MEMORY/,
    ],
    [at('workflows', '256Mi'), undefined],
  ])('%s', (set, sentence) => {
    const said = refusal('workers', [MINIMAL], ...set);
    if (sentence) expect(said).toMatch(sentence);
    else expect(said).toBe('');
  });

  test('a pool of several queues adds them up', () => {
    const everything = ['pools.all.queues={workflows,image,video}', 'pools.all.slots=2'];
    expect(refusal('workers', [MINIMAL], ...everything, 'pools.all.resources.limits.memory=6Gi')).toMatch(
      /pools\.all: .* 2 image slots x 1024 MiB \+ 2 video slots x 2048 MiB \+ 512 MiB .* = 6656 MiB/,
    );
    expect(refusal('workers', [MINIMAL], ...everything, 'pools.all.resources.limits.memory=7Gi')).toBe('');
  });
});
