import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { parse } from 'yaml';
import { loadConfig } from '../../common/config';
import { duration } from '../../common/config/parse';
import { VARIABLES } from '../../common/config/variables';
import { projectRoot } from '../../common/paths';
import { testWhere } from '../support/only-where';

interface Service {
  image: string;
  command?: string[];
  environment?: Record<string, string>;
  ports?: string[];
  volumes?: string[];
  networks: string[];
  secrets?: string[];
  read_only?: boolean;
  cap_drop?: string[];
  security_opt?: string[];
  stop_grace_period?: string;
  healthcheck?: { disable?: boolean; test?: string[] };
  depends_on?: Record<string, { condition: string }>;
  deploy?: { resources: { limits: { cpus: string; memory: string; pids: number } } };
}

interface Compose {
  services: Record<string, Service>;
  networks: Record<string, { internal?: boolean }>;
  secrets: Record<string, { file: string }>;
}

const read = (name: string): string => readFileSync(path.join(projectRoot(), name), 'utf8');
const text = read('docker-compose.yml');
const compose = parse(text, { merge: true }) as Compose;
const services = Object.entries(compose.services);
const ours = services.filter(([, service]) => service.image.includes('DARKROOM_IMAGE'));
const others = services.filter(([, service]) => !service.image.includes('DARKROOM_IMAGE'));

/** One-shots: others wait for their end. */
const oneShots = new Set(
  services.flatMap(([, { depends_on: awaited = {} }]) =>
    Object.entries(awaited).flatMap(([name, { condition }]) =>
      condition === 'service_completed_successfully' ? [name] : [],
    ),
  ),
);

describe.each(services)('%s', (name, service) => {
  test('has limits', () => {
    expect(service.deploy?.resources.limits).toEqual({
      cpus: expect.any(String),
      memory: expect.any(String),
      pids: expect.any(Number),
    });
  });

  test('is judged by its health, or by its exit code when it runs once', () => {
    if (oneShots.has(name)) expect(service.healthcheck).toEqual({ disable: true });
    else expect(service.healthcheck?.test?.[0]).toBe('CMD');
  });

  test('can be reached from this machine only', () => {
    expect((service.ports ?? []).filter((port) => !port.startsWith('127.0.0.1:'))).toEqual([]);
    // A network without a way out has no published ports either.
    if (service.ports) expect(service.networks).toContain('outside');
  });

  test('gains no privileges', () => expect(service.security_opt).toEqual(['no-new-privileges:true']));

  test('is given secrets as files only', () => {
    const values = Object.entries(service.environment ?? {}).filter(([key]) =>
      /PASSWORD|SECRET|KEY|REDIS_URL/.test(key),
    );
    for (const [key, value] of values) {
      expect(key).toMatch(/_FILE$/);
      expect(value).toMatch(/^\/run\/secrets\//);
      expect(service.secrets).toContain(path.basename(value));
    }
  });
});

const hasCompose = spawnSync('docker', ['compose', 'version']).status === 0;
testWhere(hasCompose, 'Docker with Compose is not installed')(
  'a machine that was not set up is told what to do',
  () => {
    const docker = ['compose', '--env-file', '/dev/null', '--file', path.join(projectRoot(), 'docker-compose.yml')];
    const { status, stderr } = spawnSync('docker', [...docker, '--profile', '*', 'config'], { encoding: 'utf8' });
    expect({ status, stderr }).toEqual({ status: 1, stderr: expect.stringContaining('run "make setup" first') });
  },
);

test('there is something of each', () => {
  expect(ours.map(([name]) => name)).toEqual([
    's3-bucket',
    'starter',
    'workers-workflows',
    'workers-image',
    'workers-video',
    'start-batch',
    'sqs-queues',
  ]);
  expect([...oneShots].sort()).toEqual(['s3-bucket', 'sqs-queues', 'temporal-namespace', 'temporal-schema']);
});

test.each(ours)('%s runs as in production and is given only variables that exist', (_name, service) => {
  expect(service).toMatchObject({ read_only: true, cap_drop: ['ALL'] });
  const own = Object.values(VARIABLES).flatMap(({ env, secret }) => (secret ? [env, `${env}_FILE`] : [env]));
  // The AWS SDK's own.
  const known = new Set([...own, 'AWS_SHARED_CREDENTIALS_FILE']);
  expect(Object.keys(service.environment ?? {}).filter((key) => !known.has(key))).toEqual([]);
});

test('what our containers are given is a configuration without contradictions', () => {
  for (const [, service] of ours) {
    const plain = Object.entries(service.environment ?? {}).filter(([key]) => !key.endsWith('_FILE'));
    const filled = plain.map(([key, value]) => [key, value.replace(/\$\{\w+:-([^}]*)\}/g, '$1')]);
    expect(() => loadConfig(Object.fromEntries(filled) as Record<string, string>)).not.toThrow();
  }
});

test('workers are given longer to stop than they take at most', () => {
  const force = loadConfig({}).shutdownForce;
  const workers = services.filter(([name]) => name.startsWith('workers-'));
  expect(workers.length).toBe(3);
  for (const [, { stop_grace_period: grace = '' }] of workers) expect(duration(grace)).toBeGreaterThan(force);
});

test('every pool is served', () => {
  const pools = services.map(([, { environment }]) => environment?.['DARKROOM_POOLS']).filter(Boolean);
  expect(pools).toEqual(['workflows', 'image', 'video']);
});

test("other people's images are named by variables without a default, and make setup knows each", () => {
  const example = read('deploy/compose/images.env.example');
  for (const [, { image }] of others) {
    const variable = /^\$\{([A-Z0-9_]+_IMAGE):\?run "make setup" first\}$/.exec(image)?.[1];
    expect(variable).toBeDefined();
    // A tag or digest that nobody saw is a guess.
    expect(example).toMatch(new RegExp(`^${variable}=[a-z0-9./-]+$`, 'm'));
  }
});

test('the inner network has no way out', () => expect(compose.networks['inside']).toEqual({ internal: true }));

test('git and the image know nothing of the secrets', () => {
  const folders = new Set(Object.values(compose.secrets).map(({ file }) => path.dirname(path.normalize(file))));
  expect([...folders]).toEqual(['deploy/compose/secrets']);
  expect(read('.gitignore').split('\n')).toContain('deploy/compose/secrets/');
  expect(read('.dockerignore')).not.toContain('deploy/compose');
});
