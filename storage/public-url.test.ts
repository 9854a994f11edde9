import { publicUrl } from './public-url';

const item = { batchId: 'trip', itemKey: 'beach-1', output: 's3://media/out/shop/trip/beach-1' };
const config = { home: '/home/x/.darkroom', outputDefault: 's3://media/out/', uploads: undefined };
const of = (address: string | undefined, of = item, path = 'hls-1/master.m3u8') =>
  publicUrl({ ...config, publicUrl: address }, of, path);

test('a plain address stands for the folder of all outputs', () => {
  expect(of('https://cdn.example.com')).toBe('https://cdn.example.com/shop/trip/beach-1/hls-1/master.m3u8');
  expect(of('https://cdn.example.com/m/')).toBe('https://cdn.example.com/m/shop/trip/beach-1/hls-1/master.m3u8');
});

test('names are escaped once, in S3 and in folders', () => {
  expect(of('https://cdn.example.com', { ...item, output: 's3://media/out/a b/é' }, 'x y.webp')).toBe(
    'https://cdn.example.com/a%20b/%C3%A9/x%20y.webp',
  );
  const local = { home: '/h', outputDefault: undefined, uploads: undefined, publicUrl: 'https://cdn.example.com' };
  expect(publicUrl(local, { ...item, output: 'file:///h/outputs/a%20b/beach-1' }, 'x.webp')).toBe(
    'https://cdn.example.com/a%20b/beach-1/x.webp',
  );
});

test('places in the address are filled in, wherever the item lies', () => {
  const own = 'https://media.example.com/v1/jobs/{job}/files/{path}';
  expect(of(own, { ...item, output: 's3://elsewhere/x' })).toBe(
    'https://media.example.com/v1/jobs/trip~beach-1/files/hls-1/master.m3u8',
  );
});

test('what does not lie in the folder of all outputs has no address, and nothing has one without the setting', () => {
  expect(of('https://cdn.example.com', { ...item, output: 's3://media/outer/trip/beach-1' })).toBeUndefined();
  expect(of('https://cdn.example.com', { ...item, output: 's3://elsewhere/trip/beach-1' })).toBeUndefined();
  expect(of(undefined)).toBeUndefined();
});
