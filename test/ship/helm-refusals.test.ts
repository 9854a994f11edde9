/** What both charts refuse before anything reaches a cluster: values that pods would start with and then not work, or leak. */
import { find, describeWithHelm, refusal, render, type Manifest } from './helm-chart';

const MINIMAL = 'ci/minimal-values.yaml';
const FULL = 'ci/full-values.yaml';
/** Secrets of pools that run no decoders of strangers' files. */
const APART = ['DARKROOM_WEBHOOK_SECRET', 'DARKROOM_REDIS_URL'];
const ONE_POD_EACH = ['poolDefaults.scaling.min=1'];

describeWithHelm.each(['workers', 'starter'])('helm/%s', (chart) => {
  test.each([
    [
      'localhost in capitals',
      ['temporal.address=LOCALHOST:7233'],
      /temporal\.address is LOCALHOST:7233: in a pod that is/,
    ],
    ['a name below localhost', ['temporal.address=temporal.localhost:7233'], /in a pod that is the pod itself/],
    ['the short form of 127.0.0.1', ['temporal.address=127.1:7233'], /in a pod that is the pod itself/],
    ['localhost as a host of sources', ['storage.privateHosts={Localhost:80}'], /Name the host as a pod reaches it/],
    ['port 0 of Temporal', ['temporal.address=temporal:0'], /temporal:0: a port is a number from 1 to 65535/],
    ['a port above 65535', ['temporal.address=temporal:70000'], /a port is a number from 1 to 65535/],
    ['port 0 of the store', ['storage.s3.endpoint=http://s3:0'], /storage\.s3\.endpoint is http:\/\/s3:0: a port is/],
    [
      'port 0 of the collector',
      ['tracing.endpoint=http://collector:0/'],
      /tracing\.endpoint is .*: a port is a number/,
    ],
    ['a bucket with a scheme', ['storage.buckets={s3://x}'], /storage\.buckets is "s3:\/\/x": it has to be bucket or/],
    ['a host with a scheme', ['storage.hosts={https://x.example.com}'], /storage\.hosts is .*without a scheme or path/],
    ['a misspelt variable', ['env.DARKROOM_MAX_PIXLES=1'], /env\.DARKROOM_MAX_PIXLES is no variable of Darkroom, so/],
    ['a misspelt prefix', ['env.DARKROM_MAX_PIXELS=1'], /env\.DARKROM_MAX_PIXELS is no variable of Darkroom/],
    ['a secret as a value', ['env.DARKROOM_ALERT_PAGE_URL=x'], /env\.DARKROOM_ALERT_PAGE_URL looks like a secret/],
  ])('refuses %s', (_what, set, sentence) => {
    expect(refusal(chart, [MINIMAL], ...set)).toMatch(sentence);
  });

  test('takes a variable that Darkroom reads', () => {
    const manifests = render(chart, [MINIMAL], 'env.DARKROOM_MAX_PIXELS=1000');
    expect(find(manifests, 'ConfigMap', `${chart}-config`).data).toMatchObject({ DARKROOM_MAX_PIXELS: '1000' });
  });
});

describeWithHelm('helm/workers', () => {
  test.each([
    [
      'a misspelt pool, which would serve every queue',
      ['pools.imgae.slots=2'],
      /pools\.imgae has no queues: .*image, video and models/,
    ],
    ['a secret of one pool as a value', ['pools.image.env.S3_SECRET_ACCESS_KEY=x'], /pools\.image\.env\.S3_SECRET_ACC/],
    ['a secret of every pool as a value', ['poolDefaults.env.API_TOKEN=x'], /env\.API_TOKEN looks like a secret/],
    [
      'a misspelt variable of one pool',
      ['pools.image.env.DARKROOM_IMGAE_TIMEOUT=5m'],
      /pools\.image\.env\.DARKROOM_IMG/,
    ],
  ])('refuses %s', (_what, set, sentence) => {
    expect(refusal('workers', [MINIMAL], ...set)).toMatch(sentence);
  });

  test.each(APART)('only pools that run workflows can read %s', (secret) => {
    const manifests = render('workers', [FULL], 'versioning.enabled=true', ...ONE_POD_EACH);
    const readers = manifests.flatMap((manifest: Manifest) => {
      const pod = manifest.kind === 'Pod' ? manifest.spec : manifest.spec?.template?.spec;
      const files = pod?.volumes.find(({ name }: Manifest) => name === 'secrets')?.secret.items ?? [];
      const named = pod?.containers.flatMap(({ env }: Manifest) => env.map(({ name }: Manifest) => name)) ?? [];
      return files.some(({ key }: Manifest) => key === secret) || named.includes(`${secret}_FILE`) ? [manifest] : [];
    });
    expect(readers.map(({ metadata }: Manifest) => metadata.labels['darkroom/pool'])).toEqual([
      'everything',
      'workflows',
    ]);
  });
});

describeWithHelm('helm/starter', () => {
  const TLS = ['ingress.enabled=true', 'ingress.host=darkroom.example.com', 'ingress.tlsSecret=darkroom-tls'];

  test('refuses TLS at the ingress without the proxies whose word makes the session cookie Secure', () => {
    expect(refusal('starter', [MINIMAL], ...TLS)).toMatch(
      /env\.DARKROOM_TRUSTED_PROXIES is not: .* cookie .* not Secure/,
    );
    expect(refusal('starter', [MINIMAL], ...TLS, 'env.DARKROOM_TRUSTED_PROXIES=10.0.0.0/8')).toBe('');
  });
});
