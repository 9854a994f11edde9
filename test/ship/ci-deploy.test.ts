/** The scripts that push and deploy, run as they are; only the programs that reach a registry or a cluster are stand-ins. */
import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { projectRoot } from '../../common/paths';

const DIGEST = `sha256:${'a'.repeat(64)}`;
const OTHER = `sha256:${'b'.repeat(64)}`;
const ECR = '000000000000.dkr.ecr.eu-central-1.amazonaws.com/darkroom';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'darkroom-ci-'));
  for (const name of ['ci', 'helm', 'terraform']) {
    cpSync(path.join(projectRoot(), name), path.join(folder, name), { recursive: true, verbatimSymlinks: true });
  }
  mkdirSync(path.join(folder, 'bin'));
  mkdirSync(path.join(folder, '.darkroom/ci/image'), { recursive: true });
  stub('kubectl', 'exit 0');
  stub('aws', 'case $2 in describe-repositories) echo "${MUTABILITY:-IMMUTABLE}" ;; *) echo password ;; esac');
});
afterEach(() => rmSync(folder, { recursive: true }));

/** A program on PATH that notes its arguments, one call a line. */
function stub(name: string, script: string): void {
  const file = path.join(folder, 'bin', name);
  writeFileSync(file, `#!/bin/bash\necho "${name} $*" >>"${folder}/calls"\n${script}\n`);
  chmodSync(file, 0o755);
}
const note = (name: string, text: string) => writeFileSync(path.join(folder, '.darkroom/ci/image', name), `${text}\n`);
const noted = (name: string) => readFileSync(path.join(folder, '.darkroom/ci/image', name), 'utf8').trim();
const calls = (name: string): string[] =>
  (existsSync(path.join(folder, 'calls')) ? readFileSync(path.join(folder, 'calls'), 'utf8').split('\n') : []).filter(
    (line) => line.startsWith(`${name} `),
  );

function run(script: string, args: string[], env: NodeJS.ProcessEnv): { status: number | null; text: string } {
  const { status, stdout, stderr } = spawnSync(path.join(folder, script), args, {
    cwd: folder,
    encoding: 'utf8',
    env: { PATH: `${folder}/bin:${process.env['PATH']}`, HOME: folder, TAG: 'commit', ...env },
  });
  return { status, text: `${stdout}${stderr}` };
}

describe('ci/push.sh', () => {
  const push = (env: NodeJS.ProcessEnv = {}) => run('ci/push.sh', [], { REGISTRY: ECR, ...env });
  beforeEach(() => {
    note('image.tar', 'archive');
    note('transport.txt', 'docker-archive');
    const copy = `while [ $# -gt 0 ]; do [ "$1" != --digestfile ] || printf %s "\${PUSHED-${DIGEST}}" >"$2"; shift; done`;
    stub(
      'skopeo',
      `case $1 in inspect) [ -n "$THERE" ] && echo "$THERE" ;; copy) ${copy} ;; *) cat >/dev/null ;; esac`,
    );
  });

  test('pushes the archive that was scanned, and notes the digest that the registry gave', () => {
    expect(push()).toEqual({ status: 0, text: `${ECR}@${DIGEST}\n` });
    expect(noted('digest.txt')).toBe(DIGEST);
    expect(calls('skopeo').at(-1)).toMatch(
      /^skopeo copy .* docker-archive:\.darkroom\/ci\/image\/image\.tar docker:\/\//,
    );
  });

  test('a commit that the registry has is not pushed a second time, and keeps its digest', () => {
    expect(push({ THERE: OTHER })).toMatchObject({ status: 0 });
    expect(noted('digest.txt')).toBe(OTHER);
    expect(calls('skopeo').filter((call) => call.includes(' copy '))).toEqual([]);
  });

  test('a repository whose tags can be moved is refused before anything is pushed', () => {
    expect(push({ MUTABILITY: 'MUTABLE' })).toEqual({
      status: 1,
      text: expect.stringContaining('make them IMMUTABLE'),
    });
    expect(calls('skopeo').filter((call) => call.includes(' copy '))).toEqual([]);
  });

  test('an answer without a digest fails, so that no deploy goes by a tag', () => {
    expect(push({ PUSHED: '' })).toEqual({ status: 1, text: expect.stringContaining('no digest') });
  });
});

describe('ci/deploy.sh', () => {
  const deploy = (env: NodeJS.ProcessEnv = {}) => run('ci/deploy.sh', ['dev'], { SKIP_TERRAFORM: '1', ...env });
  const images = () => calls('helm').filter((call) => call.startsWith('helm upgrade --install'));
  beforeEach(() => {
    stub('helm', 'case "$*" in *--help*) ;; *) exit ${HELM:-0} ;; esac');
    note('name.txt', 'darkroom:commit');
  });

  test('both charts get the digest that was pushed, and are taken back when they do not become ready', () => {
    note('digest.txt', DIGEST);
    expect(deploy({ CI: 'true', REGISTRY: ECR }).status).toBe(0);
    expect(images()).toHaveLength(2);
    for (const call of images())
      expect(call).toContain(`image.digest=${DIGEST} --set-string image.repository=${ECR} --atomic`);
  });

  test('the pipeline deploys nothing by tag alone, nor by the digest of another commit', () => {
    const refused = { status: 1, text: expect.stringContaining('No digest is noted for') };
    expect(deploy({ CI: 'true' })).toEqual(refused);
    note('digest.txt', DIGEST);
    expect(deploy({ CI: 'true', TAG: 'another' })).toEqual(refused);
    expect(images()).toEqual([]);
  });

  test('when a rollout was refused, its reason is printed, though Helm has taken the release back', () => {
    stub(
      'kubectl',
      'case "$*" in *"get jobs"*) echo workers-rollout-7 ;; *logs*) echo "bad got no item: a sample" ;; esac',
    );
    const { status, text } = deploy({ HELM: '1' });
    expect(status).toBe(1);
    expect(text).toContain('bad got no item: a sample');
    expect(text).toContain('helm could not bring workers to commit.');
    expect(calls('kubectl').at(-1)).toContain('logs job/workers-rollout-7');
  });
});
