import { loadConfig } from '.';
import { buckets, hosts, networks } from './parse';

test.each(['s3://media', 'media:', '/media', 'https://media.example.com'])('%s is no bucket', (entry) => {
  expect(() => buckets(`good,${entry}`)).toThrow(`expected bucket or bucket/prefix without a scheme, got "${entry}"`);
});

test('buckets may have a prefix', () => {
  expect(buckets('media, media/incoming/,Old_Bucket')).toEqual(['media', 'media/incoming/', 'Old_Bucket']);
});

test.each(['https://cdn.example.com', 'cdn.example.com/path', 'cdn:http'])('%s is no host', (entry) => {
  expect(() => hosts(entry)).toThrow(`expected a host or host:port without a scheme or path, got "${entry}"`);
});

test('hosts may have a port, a star or a literal address', () => {
  expect(hosts('*,*.example.com,10.0.0.1:8080,[::1]:80')).toEqual(['*', '*.example.com', '10.0.0.1:8080', '[::1]:80']);
});

test.each(['203.0.113.0/33', '2001:db8::/129', 'cdn.example.com', '10.0.0/8', '10.0.0.0/', '10.0.0.0/8/8'])(
  '%s is no network',
  (entry) => expect(() => networks(`10.0.0.0/8,${entry}`)).toThrow(`got "${entry}"`),
);

test('networks are addresses with or without a length', () => {
  expect(networks('168.63.129.16, 2001:db8::/96,::1')).toEqual(['168.63.129.16', '2001:db8::/96', '::1']);
});

describe.each(['DARKROOM_SESSION_SECRET', 'DARKROOM_WEBHOOK_SECRET'])('%s', (name) => {
  test.each(['short', 'fifteen letters', `whsec_${Buffer.alloc(15).toString('base64')}`])(
    'is refused where it could be guessed: %s',
    (secret) => {
      expect(() => loadConfig({ [name]: secret })).toThrow(`${name}: expected at least 16 bytes; openssl rand`);
      expect(() => loadConfig({ [name]: secret })).not.toThrow(secret);
    },
  );

  test.each(['sixteen letters!', `whsec_${Buffer.alloc(16).toString('base64')}`])('may be %s', (secret) => {
    expect(() => loadConfig({ [name]: secret })).not.toThrow();
  });
});
