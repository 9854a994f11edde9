import { readFileSync } from 'node:fs';
import path from 'node:path';
import { projectRoot } from '../../common/paths';
import { find, describeWithHelm, refusal, render, type Manifest } from './helm-chart';

const VALUES = ['ci/minimal-values.yaml'];
const ON = [
  'versioning.enabled=true',
  'storage.output=s3://media/out',
  'poolDefaults.scaling.min=1',
  'image.tag=1A2b_3',
];

describeWithHelm('helm/workers with versioning', () => {
  const manifests = (): Manifest[] => render('workers', VALUES, ...ON);
  const ofKind = (kind: string): Manifest[] => manifests().filter((manifest) => manifest.kind === kind);

  test('is off: nothing has a build, nothing is kept, nothing rolls out', () => {
    const text = JSON.stringify(render('workers', VALUES));
    expect(text).not.toMatch(/darkroom\/build|BUILD_ID|resource-policy|rollout|workerDeployment/);
  });

  test('what serves a build bears its name, stays in an upgrade, and can be found by it', () => {
    const own = [...ofKind('Deployment'), ...ofKind('ScaledObject')];
    expect(own).toHaveLength(6);
    for (const { metadata } of own) {
      expect(metadata.name).toMatch(/-1a2b-3$/);
      expect(metadata.labels['darkroom/build']).toBe('1a2b-3');
      expect(metadata.annotations).toEqual({ 'helm.sh/resource-policy': 'keep' });
    }
    for (const { spec } of ofKind('Deployment')) {
      // Or two builds would fight for the same pods.
      expect(spec.selector.matchLabels['darkroom/build']).toBe('1a2b-3');
      expect(spec.template.metadata.labels).toMatchObject(spec.selector.matchLabels);
    }
  });

  test('pods, scaler and rollout speak of the same build', () => {
    const pod = find(manifests(), 'Deployment', 'workers-image-1a2b-3').spec.template.spec;
    const job = find(manifests(), 'Job', 'workers-rollout-1').spec.template.spec;
    for (const { env } of [pod.containers[0], job.containers[0]])
      expect(env).toEqual(
        expect.arrayContaining([
          { name: 'DARKROOM_DEPLOYMENT_NAME', value: 'darkroom' },
          { name: 'DARKROOM_BUILD_ID', value: '1a2b-3' },
        ]),
      );
    const { scaleTargetRef, triggers } = find(manifests(), 'ScaledObject', 'workers-image-1a2b-3').spec;
    expect(scaleTargetRef.name).toBe('workers-image-1a2b-3');
    expect(triggers[0].metadata).toMatchObject({
      workerDeploymentName: 'darkroom',
      workerDeploymentBuildId: '1a2b-3',
    });
  });

  test('the rollout comes after each change, once, and may take away nothing but what serves builds', () => {
    const job = find(manifests(), 'Job', 'workers-rollout-1');
    expect(job.metadata.annotations['helm.sh/hook']).toBe('post-install,post-upgrade,post-rollback');
    expect(job.spec.backoffLimit).toBe(0);
    expect(job.spec.template.spec.containers[0].args).toEqual(expect.arrayContaining(['rollout', '--ramp=10,50']));
    const { rules } = find(manifests(), 'Role', 'workers-rollout');
    expect(rules.flatMap(({ resources }: Manifest) => resources)).toEqual([
      'deployments',
      'scaledobjects',
      'horizontalpodautoscalers',
    ]);
    expect(new Set(rules.flatMap(({ verbs }: Manifest) => verbs))).toEqual(new Set(['list', 'deletecollection']));
  });

  test('the reason of a failed rollout stays: taking the release back runs the Job of another revision', () => {
    const { metadata, spec } = find(manifests(), 'Job', 'workers-rollout-1');
    expect(metadata.annotations['helm.sh/hook-delete-policy']).toBe('before-hook-creation');
    expect(spec.ttlSecondsAfterFinished).toBeGreaterThan(86_400);
    expect(spec.template.spec.containers[0].terminationMessagePolicy).toBe('FallbackToLogsOnError');
  });

  test('the rollout tries the build with samples that the workers can read, as their role', () => {
    const account = 'serviceAccount.annotations.eks\\.amazonaws\\.com/role-arn=arn:x';
    const all = render('workers', VALUES, ...ON, account);
    const { args } = find(all, 'Job', 'workers-rollout-1').spec.template.spec.containers[0];
    expect(args).toContain('--staging=s3://media/out/_helm-test');
    expect(find(all, 'ServiceAccount', 'workers-rollout').metadata.annotations).toEqual({
      'eks.amazonaws.com/role-arn': 'arn:x',
    });
  });

  test('the rollout is fenced in like the workers, but for the API server', () => {
    const [workers, rollout] = ['workers', 'workers-rollout'].map((name) => find(manifests(), 'NetworkPolicy', name));
    const pod = find(manifests(), 'Job', 'workers-rollout-1').spec.template.metadata.labels;
    expect(pod).toMatchObject(rollout.spec.podSelector.matchLabels);
    expect(rollout.spec.policyTypes).toEqual(['Ingress', 'Egress']);
    const ports = [443, 6443].map((port) => ({ port, protocol: 'TCP' }));
    expect(rollout.spec.egress).toEqual([...workers.spec.egress, { ports }]);
    expect(rollout.spec.ingress).toBeUndefined();
  });

  test.each([
    [
      'no place for samples',
      ['storage.output='],
      /versioning\.enabled needs storage\.output or test\.staging, s3:\/\//,
    ],
    ['pools that go to zero', ['poolDefaults.scaling.min=0'], /min is 0 with versioning\.enabled: .* Set it to 1/],
    ['a build beside the image', ['env.DARKROOM_BUILD_ID=x'], /takes the build from the image's tag: remove it/],
  ])('%s is refused with a sentence', (_what, set, sentence) => {
    expect(refusal('workers', VALUES, ...ON, ...set)).toMatch(sentence);
  });
});

describe('documented commands', () => {
  const files = ['docs/operations/deploy.md', ...['workers', 'starter'].map((chart) => `helm/${chart}/README.md`)];
  const commands = files.flatMap((file) =>
    readFileSync(path.join(projectRoot(), file), 'utf8')
      .replace(/\\\n\s*/g, '')
      .split('\n')
      .flatMap((line) => line.match(/\b(helm upgrade --install|kubectl delete) [^`]+/g) ?? []),
  );

  test('an upgrade that does not become ready is taken back', () => {
    const upgrades = commands.filter((command) => command.startsWith('helm') && command.includes('--set'));
    expect(upgrades).toHaveLength(4);
    for (const command of upgrades) expect(command).toContain('--atomic');
  });

  // kubectl refuses the whole command where it does not know one kind.
  test('the clean-up works in a cluster without KEDA', () => {
    const cleanUp = commands.filter((command) => command.startsWith('kubectl')).map((command) => command.split(' ')[2]);
    expect(cleanUp).toEqual(['deploy,hpa', 'scaledobject']);
  });
});
