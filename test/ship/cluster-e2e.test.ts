/** The trial on a cluster, with stand-ins for the cluster and for every step but the one of KEDA: what it says at its end. */
import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { projectRoot } from '../../common/paths';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'darkroom-cluster-'));
  cpSync(path.join(projectRoot(), 'scripts/e2e/cluster'), path.join(folder, 'scripts/e2e/cluster'), {
    recursive: true,
  });
  mkdirSync(path.join(folder, 'bin'));
  executable('bin/helm', 'exit 0');
});
afterEach(() => rmSync(folder, { recursive: true }));

function executable(file: string, script: string): void {
  writeFileSync(path.join(folder, file), `#!/bin/bash\n${script}\n`);
  chmodSync(path.join(folder, file), 0o755);
}

/** @param steps to replace by ones that pass */
function trial(steps: string[]): { status: number | null; said: string } {
  for (const step of steps) executable(`scripts/e2e/cluster/${step}.sh`, 'exit 0');
  const given = [
    'TEMPORAL_ADDRESS',
    'S3_ENDPOINT',
    'S3_ACCESS_KEY_ID',
    'S3_SECRET_ACCESS_KEY',
    'IMAGE_OLD',
    'IMAGE_NEW',
  ];
  const { status, stderr } = spawnSync(path.join(folder, 'scripts/e2e/cluster/run.sh'), {
    encoding: 'utf8',
    env: {
      ...Object.fromEntries(given.map((name) => [name, 'given'])),
      PATH: `${folder}/bin:${process.env['PATH']}`,
      KUBECONFIG: 'given',
      E2E_OUT: path.join(folder, 'out'),
    },
  });
  return { status, said: stderr };
}

test('without KEDA the end names what was not run', () => {
  executable('bin/kubectl', 'case "$*" in *"get crd"*) exit 1 ;; esac');
  const { status, said } = trial(['setup', 'test', 'upgrade', 'kill', 'drain']);
  expect(status).toBe(0);
  expect(said).toContain('e2e:cluster: NOT RUN: KEDA is not installed in this cluster');
  expect(said).not.toContain('all passed');
});

test('when every step has run, it says that all passed', () => {
  executable('bin/kubectl', 'exit 0');
  const { status, said } = trial(['setup', 'test', 'upgrade', 'kill', 'drain', 'keda']);
  expect(status).toBe(0);
  expect(said).toContain('all passed');
  expect(said).not.toContain('NOT RUN');
});
