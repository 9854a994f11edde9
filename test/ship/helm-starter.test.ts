import { find, describeWithHelm, lint, podSpecs, refusal, render, tracing, valuesFiles } from './helm-chart';

const MINIMAL = 'ci/minimal-values.yaml';
const FULL = 'ci/full-values.yaml';

describeWithHelm('helm/starter', () => {
  describe.each(valuesFiles('starter'))('%s', (file) => {
    test('passes lint', () => lint('starter', file));

    test('every pod is restricted, and only a scaled Deployment leaves the number of pods open', () => {
      const manifests = render('starter', [file]);
      for (const pod of podSpecs(manifests)) {
        expect(pod.securityContext).toMatchObject({ runAsNonRoot: true, runAsUser: 10001, fsGroup: 10001 });
        expect(pod.automountServiceAccountToken).toBe(false);
        for (const { securityContext } of pod.containers) {
          expect(securityContext).toMatchObject({ readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } });
        }
      }
      const scaled = manifests.some(({ kind }) => kind === 'HorizontalPodAutoscaler');
      expect('replicas' in find(manifests, 'Deployment', 'starter').spec).toBe(!scaled);
    });
  });

  test('the API is open to the cluster, so its keys are always read, from a file', () => {
    const manifests = render('starter', [MINIMAL]);
    const { spec } = find(manifests, 'Deployment', 'starter').spec.template;
    expect(spec.containers[0].env).toEqual([
      { name: 'DARKROOM_API_KEYS_FILE', value: '/etc/darkroom/secrets/DARKROOM_API_KEYS' },
    ]);
    expect(find(manifests, 'ConfigMap', 'starter-config').data).toMatchObject({ DARKROOM_HTTP_HOST: '0.0.0.0' });
    expect(manifests.filter(({ kind }) => kind === 'Secret')).toEqual([]);
  });

  test('the Service, the Ingress and the test speak of the same port', () => {
    const manifests = render('starter', [FULL]);
    expect(find(manifests, 'Service', 'starter').spec.ports).toContainEqual({
      ...{ name: 'http', port: 80, targetPort: 'http' },
    });
    expect(find(manifests, 'Ingress', 'starter').spec.rules[0].http.paths[0].backend.service).toEqual({
      name: 'starter',
      port: { name: 'http' },
    });
    expect(find(manifests, 'Pod', 'starter-ready').spec.containers[0].command[2]).toContain(
      'STARTER_SERVICE_HOST}:80`',
    );
  });

  test('metrics and the reasons in /ready have a port of their own, which the Ingress does not lead to', () => {
    const from = [{ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'monitoring' } } }];
    const manifests = render(
      'starter',
      [FULL],
      `networkPolicy.metricsFrom[0].namespaceSelector.matchLabels.kubernetes\\.io/metadata\\.name=monitoring`,
    );
    expect(find(manifests, 'Deployment', 'starter').spec.template.spec.containers[0].ports).toContainEqual({
      ...{ name: 'health', containerPort: 9466 },
    });
    expect(find(manifests, 'Service', 'starter').spec.ports).toContainEqual({
      ...{ name: 'health', port: 9466, targetPort: 'health' },
    });
    expect(find(manifests, 'ServiceMonitor', 'starter').spec.endpoints[0].port).toBe('health');
    expect(JSON.stringify(find(manifests, 'Ingress', 'starter').spec)).not.toContain('health');
    expect(find(manifests, 'NetworkPolicy', 'starter').spec.ingress).toContainEqual({
      ports: [{ port: 9466, protocol: 'TCP' }],
      from,
    });
  });

  test('traces go where tracing.endpoint says, and its port is open', () => {
    const to = [{ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'tracing' } } }];
    expect(tracing('starter', [MINIMAL])).toEqual({ rules: [] });
    expect(tracing('starter', [MINIMAL], 'tracing.endpoint=https://otlp.example.com')).toEqual({
      collector: 'https://otlp.example.com',
      ratio: '1',
      rules: [{ ports: [{ port: 443, protocol: 'TCP' }] }],
    });
    expect(tracing('starter', [FULL])).toMatchObject({
      collector: 'http://collector.tracing.svc:4318',
      ratio: '0.1',
      rules: expect.arrayContaining([{ ports: [{ port: 4318, protocol: 'TCP' }], to }]),
    });
  });

  test('the Service finds the pods, and no pod of a test', () => {
    const manifests = render('starter', [MINIMAL]);
    const { selector } = find(manifests, 'Service', 'starter').spec;
    expect(find(manifests, 'Deployment', 'starter').spec.template.metadata.labels).toMatchObject(selector);
    expect(find(manifests, 'Pod', 'starter-ready').metadata.labels).not.toMatchObject(selector);
  });

  test.each([
    ['a wrong key', ['replica=1'], /additional properties 'replica' not allowed/],
    ['localhost for traces', ['tracing.endpoint=http://localhost:4318'], /Name the collector's Service/],
    ['localhost for Temporal', ['temporal.address=127.0.0.1:7233'], /in a pod that is the pod itself/],
    [
      'a scheme before Temporal',
      ['temporal.address=http://t:7233'],
      /has to be host:port without a scheme, for example/,
    ],
    ['no Secret', ['secrets.name='], /the API needs DARKROOM_API_KEYS \(docs\/api\.md\)\. Set secrets\.name/],
    ['too little time to stop', ['shutdown.termination=33'], /termination has to be more than force and five seconds/],
    ['an Ingress without a host', ['ingress.enabled=true'], /ingress\.host is empty/],
    ['a Redis address as a value', ['env.REDIS_PASSWORD=x'], /looks like a secret/],
  ])('%s is refused with a sentence', (_what, set, sentence) => {
    expect(refusal('starter', [MINIMAL], ...set)).toMatch(sentence);
  });
});
