import { fileUri, joinUri, parseUri, printable } from './uri';

const long = (bytes: number): string => 'n'.repeat(bytes);

describe('a file: URI', () => {
  test.each([
    '/a b/c',
    '/"quoted"',
    "/it's",
    '/100%d',
    '/a#b',
    '/a?b',
    '/-leading',
    '/日本語 é',
    '/a\\b',
    '/;\n',
    `/${long(255)}`,
  ])('carries the path %j there and back', (path) =>
    expect(parseUri(fileUri(path))).toMatchObject({ scheme: 'file', path }),
  );

  test.each([
    ['file:///a/../b', '".." is not allowed'],
    ['file:///a/%2e%2E/b', '".." is not allowed'],
    ['file://a/b', 'three slashes'],
    ['file:relative', 'three slashes'],
    ['file:///a#b', 'write ? as %3F'],
    ['file:///a%2fb', 'percent-encoding'],
    ['file:///%FF', 'percent-encoding'],
    ['file:///a%00b', 'NUL'],
    ['file:///a\0b', 'NUL'],
  ])('%j is refused', (uri, reason) => expect(() => parseUri(uri)).toThrow(reason));
});

describe('an s3: URI', () => {
  test('takes its key literally', () => {
    const at = { scheme: 's3', bucket: 'photos', key: 'a b/%20/ü"#?.jpg' };
    expect(parseUri('s3://photos/a b/%20/ü"#?.jpg')).toMatchObject(at);
  });
  test.each(['s3://', 's3://b', 's3:///key', 's3://bucket/a/../b', 's3://bucket/./b', `s3://bucket/${long(1025)}`])(
    '%s is refused',
    (uri) => expect(() => parseUri(uri)).toThrow(expect.objectContaining({ type: 'InvalidJob' })),
  );
});

test.each(['', 'photo.jpg', '/etc/passwd', 'ftp://a/b', 'data:,x', 'https://', `https://h/${long(9000)}`])(
  '%j is no URI that can be used',
  (uri) => expect(() => parseUri(uri)).toThrow(expect.objectContaining({ type: 'InvalidJob' })),
);

test('secrets of a URL are never printed', () => {
  expect(printable('https://user:pass@host/a.jpg?X-Amz-Signature=secret#x')).toBe('https://host/a.jpg?…');
  expect(() => parseUri('https://user:pass@host/a')).toThrow(/^https:\/\/host\/a cannot be used: .*user name/);
});

describe('joinUri', () => {
  test('encodes names below file: and leaves them below s3:', () => {
    expect(joinUri('file:///out/', 'a b', 'c#.jpg')).toBe('file:///out/a%20b/c%23.jpg');
    expect(joinUri('s3://bucket/out', 'a b/c#.jpg')).toBe('s3://bucket/out/a b/c#.jpg');
    expect(joinUri('s3://bucket', 'x')).toBe('s3://bucket/x');
  });
  test.each(['..', '.', '', '/absolute', 'a//b', 'a\\b', 'a\0', long(256), 'é'.repeat(128)])(
    'refuses the name %j',
    (name) => expect(() => joinUri('file:///out', name)).toThrow(expect.objectContaining({ type: 'InvalidJob' })),
  );
  test('takes a name of 255 bytes', () => expect(joinUri('s3://bucket', long(255))).toHaveLength(12 + 255));
});
