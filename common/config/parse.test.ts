import { buckets, hosts } from './parse';

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
