import { assertSafeSvg, picturesIn } from './svg';

const svg = (body: string) => Buffer.from(`<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9">${body}</svg>`);

test.each([
  ['a plain drawing', '<rect width="9" height="9" fill="red"/>'],
  ['a gradient by fragment', '<linearGradient id="g"/><rect fill="url(#g)" style="stroke:url( \'#g\' )"/>'],
  ['a fragment by xlink', '<use xlink:href="#g"/>'],
  ['an embedded picture', '<image href="data:image/png;base64,iVBORw0KGgo="/>'],
])('takes %s', (_name, body) => {
  expect(() => assertSafeSvg(svg(body))).not.toThrow();
});

test.each([
  ['a host', '<image href="https://example.com/a.png"/>', 'another file or host'],
  ['a file', "<image xlink:href='file:///etc/passwd'/>", 'another file or host'],
  ['a relative file', '<image href="secret.png"/>', 'another file or host'],
  ['a file under another prefix', '<image foo:href = "/etc/passwd"/>', 'another file or host'],
  ['an escaped attribute', '<image href="&#47;etc/passwd"/>', 'another file or host'],
  ['an SVG in a data URI', '<image href="data:image/svg+xml;base64,PHN2Zy8+"/>', 'another file or host'],
  ['a CSS url', '<rect style="fill:url(https://example.com/x)"/>', 'another file or host'],
  [
    'a CSS url in character references',
    '<rect style="fill:&#117;&#x72;l(https://example.com/x)"/>',
    'another file or host',
  ],
  ['a CSS url in CSS escapes', '<style>rect{fill:\\75 rl(https://example.com/x)}</style>', 'another file or host'],
  ['an import', '<style>@import "https://example.com/a.css";</style>', 'imports'],
  ['an import in CSS escapes', '<style>@\\69mport "https://example.com/a.css";</style>', 'imports'],
  ['a script', '<script>alert(1)</script>', 'script'],
  ['a script under a prefix', '<svg:script >alert(1)</svg:script>', 'script'],
  ['a script under a prefix in another script', '<ф:script>alert(1)</ф:script>', 'script'],
  ['a file under such a prefix', '<image ф:href="/etc/passwd"/>', 'another file or host'],
  ['an XInclude under such a prefix', '<い:include href="#a"/>', 'includes'],
  ['foreign content', '<foreignObject><div/></foreignObject>', 'foreign'],
  ['an XInclude', '<xi:include href="#a" parse="text"/>', 'includes'],
  ['a base address', '<g xml:base="https://example.com/"/>', 'base address'],
])('refuses %s', (_name, body, reason) => {
  expect(() => assertSafeSvg(svg(body))).toThrow(reason);
});

test.each([
  ['entities', Buffer.from('<!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/passwd">]><svg>&x;</svg>')],
  ['a style sheet', Buffer.from('<?xml-stylesheet href="a.css"?><svg/>')],
  ['UTF-16', Buffer.from('\ufeff<svg/>', 'utf16le')],
  ['a declared encoding that would hide things', Buffer.from('<?xml version="1.0" encoding="UTF-7"?><svg/>')],
])('refuses %s', (_name, bytes) => {
  expect(() => assertSafeSvg(bytes)).toThrow('This SVG is refused because');
});

test('the pictures inside are found however their bytes are written', () => {
  const bytes = Buffer.from('\x89PNG and ~~~ some more bytes');
  const base64 = bytes.toString('base64');
  const escaped = base64.replaceAll('+', '%2B').replaceAll('B', '&#x42;');
  const drawing = svg(
    `<image href="data:image/png;base64,${base64}"/><image xlink:href=' data:IMAGE/jpeg;base64,${escaped}'/>` +
      `<rect style="fill:url(data:image/jpg;base64,${base64})"/><image href="#a"/>`,
  );
  expect(() => assertSafeSvg(drawing)).not.toThrow();
  expect(picturesIn(drawing)).toEqual([bytes, bytes, bytes]);
});
