import { assertSafeSvg } from './svg';

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
