import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { parse } from 'yaml';
import { projectRoot } from '../../common/paths';
import {
  find,
  describeWithHelm,
  lint,
  podSpecs,
  refusal,
  render,
  tracing,
  valuesFiles,
  type Manifest,
} from './helm-chart';

const MINIMAL = 'ci/minimal-values.yaml';
const FULL = 'ci/full-values.yaml';

function variable(pod: Manifest, name: string): string {
  return pod.containers[0].env.find((entry: Manifest) => entry.name === name)?.value;
}

describeWithHelm('helm/workers', () => {
  test.each(valuesFiles('workers'))('%s passes lint', (file) => lint('workers', file));

  describe.each(valuesFiles('workers'))('%s', (file) => {
    let manifests: Manifest[];
    beforeAll(() => {
      manifests = render('workers', [file]);
    });

    test('no Deployment that something scales says how many pods it has', () => {
      const scaled = manifests
        .filter(({ kind }) => kind === 'ScaledObject' || kind === 'HorizontalPodAutoscaler')
        .map(({ spec }) => spec.scaleTargetRef.name);
      for (const { kind, metadata, spec } of manifests) {
        if (kind === 'Deployment')
          expect([metadata.name, 'replicas' in spec]).toEqual([metadata.name, !scaled.includes(metadata.name)]);
      }
    });

    test('the kubelet waits longer than the worker forces, and that is longer than the grace', () => {
      for (const { kind, spec } of manifests) {
        if (kind !== 'Deployment') continue;
        const pod = spec.template.spec;
        const grace = parseInt(variable(pod, 'DARKROOM_SHUTDOWN_GRACE'), 10);
        const force = parseInt(variable(pod, 'DARKROOM_SHUTDOWN_FORCE'), 10);
        expect(grace).toBeLessThan(force);
        expect(force).toBeLessThan(pod.terminationGracePeriodSeconds);
      }
    });

    test('every pod is restricted: uid 10001, read-only root, no capability, no token, sized scratch', () => {
      for (const pod of podSpecs(manifests)) {
        // Only the rollout of versions speaks to the API server.
        const token = pod.serviceAccountName === 'workers-rollout';
        expect(pod).toMatchObject({ automountServiceAccountToken: token, enableServiceLinks: false });
        expect(pod.securityContext).toMatchObject({
          runAsNonRoot: true,
          runAsUser: 10001,
          fsGroup: 10001,
          seccompProfile: { type: 'RuntimeDefault' },
        });
        for (const { securityContext, resources } of pod.containers) {
          expect(securityContext).toEqual({
            allowPrivilegeEscalation: false,
            readOnlyRootFilesystem: true,
            capabilities: { drop: ['ALL'] },
          });
          expect(resources.limits.memory).toBeDefined();
        }
        expect(pod.volumes[0]).toEqual({ name: 'scratch', emptyDir: { sizeLimit: expect.any(String) } });
      }
    });

    test('each pool has a budget that never blocks a drain', () => {
      const pools = new Set(
        manifests.filter(({ kind }) => kind === 'Deployment').map((m) => m.metadata.labels['darkroom/pool']),
      );
      const budgets = manifests.filter(({ kind }) => kind === 'PodDisruptionBudget');
      expect(new Set(budgets.map((m) => m.metadata.labels['darkroom/pool']))).toEqual(pools);
      for (const { spec } of budgets) {
        expect(spec.maxUnavailable).toBeTruthy();
        expect(spec.minAvailable).toBeUndefined();
      }
    });

    test('a selector holds only what never changes, so that an upgrade can apply it', () => {
      for (const { kind, spec } of manifests) {
        if (kind !== 'Deployment') continue;
        // A build has Deployments of its own.
        const { 'darkroom/build': _build, ...labels } = spec.selector.matchLabels;
        expect(Object.keys(labels).sort()).toEqual([
          'app.kubernetes.io/instance',
          'app.kubernetes.io/name',
          'darkroom/part',
          'darkroom/pool',
        ]);
        expect(spec.template.metadata.labels).toMatchObject(spec.selector.matchLabels);
      }
    });
  });

  test('a profile of the nodes may let decoders have namespaces of their own; one without its name is refused', () => {
    const named = ['seccompProfile.type=Localhost', 'seccompProfile.localhostProfile=darkroom.json'];
    for (const { securityContext } of podSpecs(render('workers', [MINIMAL], ...named))) {
      expect(securityContext.seccompProfile).toEqual({ type: 'Localhost', localhostProfile: 'darkroom.json' });
    }
    expect(refusal('workers', [MINIMAL], named[0]!)).toMatch(/localhostProfile/);
    expect(refusal('workers', [MINIMAL], 'seccompProfile.type=Unconfined')).toMatch(/seccompProfile/);
  });

  test('KEDA: a pod for each four that wait, one while an item is open, none when none is', () => {
    const { spec } = find(render('workers', [MINIMAL]), 'ScaledObject', 'workers-image');
    expect(spec).toMatchObject({ minReplicaCount: 0, maxReplicaCount: 40, cooldownPeriod: 300 });
    expect(spec.advanced.scalingModifiers).toEqual({
      formula: 'max(((waiting_image ?? 0.0)) / 4.0, min((open_image ?? 1.0), 1.0))',
      target: '1',
      activationTarget: '0',
      metricType: 'AverageValue',
    });
    expect(spec.triggers.map(({ type, name }: Manifest) => [type, name])).toEqual([
      ['temporal', 'waiting_image'],
      ['metrics-api', 'open_image'],
    ]);
    expect(spec.triggers[0].metadata).toMatchObject({ taskQueue: 'darkroom-image', queueTypes: 'activity' });
    const { scaleUp, scaleDown } = spec.advanced.horizontalPodAutoscalerConfig.behavior;
    expect(scaleUp.stabilizationWindowSeconds).toBe(0);
    expect(scaleDown).toMatchObject({ stabilizationWindowSeconds: 300, selectPolicy: 'Min' });
  });

  test('KEDA for a pool of several queues adds their backlogs and names each kind once', () => {
    const { spec } = find(
      render('workers', [FULL], 'pools.everything.scaling.type=keda'),
      'ScaledObject',
      'workers-everything',
    );
    expect(spec.advanced.scalingModifiers.formula).toBe(
      'max(((waiting_workflows ?? 0.0) + (waiting_image ?? 0.0) + (waiting_video ?? 0.0)) / 4.0, min((open_image ?? 1.0) + (open_video ?? 1.0), 1.0))',
    );
    expect(spec.triggers).toHaveLength(5);
  });

  test('models: off unless enabled; then with a GPU, its machines, and scaled by the common queue', () => {
    const names = render('workers', [MINIMAL]).map(({ metadata }) => metadata.name);
    expect(names).not.toContain('workers-models');
    const manifests = render('workers', [FULL]);
    const pod = find(manifests, 'Deployment', 'workers-models').spec.template.spec;
    expect(pod.containers[0].resources.limits).toEqual({ memory: '8Gi', 'nvidia.com/gpu': '1' });
    expect(pod.nodeSelector).toEqual({ accelerator: 'nvidia' });
    expect(pod.tolerations).toContainEqual({ key: 'nvidia.com/gpu', operator: 'Exists', effect: 'NoSchedule' });
    const variables = ['DARKROOM_POOLS', 'DARKROOM_MODEL_SLOTS', 'DARKROOM_MODEL_PROVIDERS'];
    expect(variables.map((name) => variable(pod, name))).toEqual(['models', '1', 'cuda,cpu']);
    const { spec } = find(manifests, 'ScaledObject', 'workers-models');
    expect(spec.advanced.scalingModifiers.formula).toBe(
      'max(((waiting_models ?? 0.0)) / 1.0, min((open_image ?? 1.0) + (open_video ?? 1.0), 1.0))',
    );
    expect(spec.triggers[0].metadata).toMatchObject({ taskQueue: 'darkroom-models', queueTypes: 'activity' });
  });

  test('KEDA alone: running workflows keep the last pod', () => {
    const { spec } = find(render('workers', [FULL]), 'ScaledObject', 'workers-image');
    expect(spec.advanced.scalingModifiers).toBeUndefined();
    expect(spec.triggers).toHaveLength(1);
    expect(spec.triggers[0].metadata).toMatchObject({
      includeRunningWorkflowCount: 'true',
      workflowTaskQueueForCount: 'darkroom-workflows',
    });
    expect(spec.triggers[0].authenticationRef).toEqual({ name: 'workers-temporal' });
  });

  test('spot: preferred and tolerated by what scales, refused by the floor', () => {
    const manifests = render('workers', [FULL]);
    const elastic = find(manifests, 'Deployment', 'workers-image').spec.template.spec;
    const floor = find(manifests, 'Deployment', 'workers-image-floor');
    expect(elastic.affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution).toHaveLength(1);
    expect(elastic.tolerations).toContainEqual({ key: 'spot', value: 'true', operator: 'Equal' });
    expect(floor.spec.replicas).toBe(2);
    expect(floor.spec.template.spec.tolerations).toEqual([{ key: 'media', operator: 'Exists' }]);
    expect(
      floor.spec.template.spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0]
        .matchExpressions[0].operator,
    ).toBe('NotIn');
  });

  test('secrets are files from a Secret, and no value of theirs is rendered', () => {
    const manifests = render('workers', [FULL]);
    const pod = find(manifests, 'Deployment', 'workers-video').spec.template.spec;
    expect(variable(pod, 'S3_SECRET_ACCESS_KEY_FILE')).toBe('/etc/darkroom/secrets/S3_SECRET_ACCESS_KEY');
    expect(find(manifests, 'ExternalSecret', 'workers-secrets').spec.data).toHaveLength(6);
    expect(manifests.filter(({ kind }) => kind === 'Secret')).toEqual([]);
    expect(
      Object.keys(find(manifests, 'ConfigMap', 'workers-config').data).filter((key) =>
        /(KEY|KEY_ID|SECRET)$/.test(key),
      ),
    ).toEqual([]);
  });

  test('what the pods are configured with rolls them when it changes', () => {
    const checksum = (...set: string[]): string =>
      find(render('workers', [MINIMAL], ...set), 'Deployment', 'workers-image').spec.template.metadata.annotations[
        'checksum/config'
      ];
    expect(checksum()).toBe(checksum());
    expect(checksum()).not.toBe(checksum('storage.s3.region=eu-west-1'));
  });

  test('the network policy denies both ways and opens the ports that the values name', () => {
    const { spec } = find(render('workers', [FULL]), 'NetworkPolicy', 'workers');
    expect(spec.policyTypes).toEqual(['Ingress', 'Egress']);
    expect(spec.egress.flatMap((rule: Manifest) => rule.ports.map(({ port }: Manifest) => port))).toEqual([
      53, 53, 7233, 4318, 443, 9000, 4317,
    ]);
  });

  test('traces go where tracing.endpoint says, and its port is open', () => {
    const to = [{ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'tracing' } } }];
    expect(tracing('workers', [MINIMAL])).toEqual({ rules: [] });
    expect(tracing('workers', [MINIMAL], 'tracing.endpoint=https://otlp.example.com')).toEqual({
      collector: 'https://otlp.example.com',
      ratio: '1',
      rules: [{ ports: [{ port: 443, protocol: 'TCP' }] }],
    });
    expect(tracing('workers', [FULL])).toMatchObject({
      collector: 'http://collector.tracing.svc:4318',
      ratio: '0.1',
      rules: expect.arrayContaining([{ ports: [{ port: 4318, protocol: 'TCP' }], to }]),
    });
  });

  test('the rules and dashboards of observability/ come along, all of them', () => {
    const manifests = render('workers', [FULL]);
    const groups = readdirSync(path.join(projectRoot(), 'observability/rules'))
      .flatMap((file) => parse(readFileSync(path.join(projectRoot(), 'observability/rules', file), 'utf8')).groups)
      .map((group: Manifest) => group.name);
    expect(find(manifests, 'PrometheusRule', 'workers').spec.groups.map((group: Manifest) => group.name)).toEqual(
      groups,
    );
    for (const file of readdirSync(path.join(projectRoot(), 'observability/dashboards'))) {
      expect(find(manifests, 'ConfigMap', `workers-${path.parse(file).name}`).data[file]).toContain('"panels"');
    }
  });

  test.each([
    ['a wrong key', ['pool.image=1'], /additional properties 'pool' not allowed/],
    ['a wrong key in a pool', ['pools.image.slot=1'], /additional properties 'slot' not allowed/],
    ['a secret as a value', ['env.API_TOKEN=x'], /env\.API_TOKEN looks like a secret: put it into a Secret/],
    [
      'localhost for Temporal',
      ['temporal.address=localhost:7233'],
      /in a pod that is the pod itself\. Name the frontend's Service/,
    ],
    ['localhost for the store', ['storage.s3.endpoint=http://127.0.0.1:9000'], /Name the store's Service/],
    ['localhost for traces', ['tracing.endpoint=http://localhost:4318'], /Name the collector's Service/],
    ['no address', ['temporal.address='], /temporal\.address is empty: say where/],
    [
      'an address without a port',
      ['temporal.address=temporal'],
      /temporal\.address is "temporal": it has to be host:port/,
    ],
    ['a tag in the repository', ['image.repository=darkroom:1'], /without tag or digest, for example .*image\.tag/],
    ['outputs on a disk', ['storage.output=/data'], /storage\.output is "\/data": it has to be s3:\/\/bucket\/prefix/],
    [
      'a store without a scheme',
      ['storage.s3.endpoint=s3:9000'],
      /the address of the store with its scheme, for example/,
    ],
    ['grace above force', ['pools.image.shutdown.grace=80'], /grace 80, force 75, termination 90: each has to be more/],
    ['force above termination', ['pools.image.shutdown.force=95'], /each has to be more than the one before/],
    ['latest', ['image.tag=latest'], /it cannot be rolled back/],
    ['zero pods with an HPA', ['pools.image.scaling.type=hpa'], /a plain HPA cannot come back from zero/],
    ['min above max', ['pools.image.scaling.min=50'], /min is 50, more than max \(40\)/],
    ['keys without a Secret', ['secrets.keys={S3_ACCESS_KEY_ID}'], /set secrets\.name to one that exists/],
    ['a floor without spot', ['pools.image.spot.floor=1'], /spot is not enabled/],
  ])('%s is refused with a sentence', (_what, set, sentence) => {
    expect(refusal('workers', [MINIMAL], ...set)).toMatch(sentence);
  });
});
