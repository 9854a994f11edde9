import { find, helmIsThere, refusal, render, type Manifest } from './helm-chart';

const VALUES = ['ci/minimal-values.yaml'];
const ON = ['versioning.enabled=true', 'poolDefaults.scaling.min=1', 'image.tag=1A2b_3'];
const suite = helmIsThere() ? describe : describe.skip;

suite('helm/workers with versioning', () => {
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
    const job = find(manifests(), 'Job', 'workers-rollout').spec.template.spec;
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
    const job = find(manifests(), 'Job', 'workers-rollout');
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

  test.each([
    ['pools that go to zero', ['poolDefaults.scaling.min=0'], /min is 0 with versioning\.enabled: .* Set it to 1/],
    ['a build beside the image', ['env.DARKROOM_BUILD_ID=x'], /takes the build from the image's tag: remove it/],
  ])('%s is refused with a sentence', (_what, set, sentence) => {
    expect(refusal('workers', VALUES, ...ON, ...set)).toMatch(sentence);
  });
});
