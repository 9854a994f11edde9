import { promisify } from 'node:util';
import { blockListOf, checkLiteral, isPublicAddress, publicLookup } from './addresses';

test.each([
  '127.0.0.1',
  '127.255.0.1',
  '10.0.0.1',
  '172.16.0.1',
  '172.31.255.255',
  '192.168.1.1',
  '169.254.169.254',
  '100.64.0.1',
  '100.127.255.255',
  '0.0.0.0',
  '0.1.2.3',
  '192.0.0.1',
  '192.0.2.1',
  '198.18.0.1',
  '198.51.100.1',
  '203.0.113.1',
  '224.0.0.1',
  '240.0.0.1',
  '255.255.255.255',
  '::',
  '::1',
  '::127.0.0.1',
  'fe80::1',
  'fe80::1%eth0',
  'fec0::1',
  'fc00::1',
  'fd00:ec2::254',
  'ff02::1',
  '2001:db8::1',
  '2001::1',
  '::ffff:127.0.0.1',
  '::ffff:10.0.0.1',
  '::ffff:0:127.0.0.1',
  '64:ff9b::7f00:1',
  '64:ff9b::a9fe:a9fe',
  '64:ff9b:1::808:808',
  '2002:7f00:1::',
  '2002:a00:1::1',
  'nonsense',
])('%s is not public', (address) => expect(isPublicAddress(address)).toBe(false));

test.each([
  '8.8.8.8',
  '172.32.0.1',
  '100.128.0.1',
  '2606:4700::1111',
  '::ffff:8.8.8.8',
  '64:ff9b::808:808',
  '2002:808:808::1',
])('%s is public', (address) => expect(isPublicAddress(address)).toBe(true));

test.each(['2130706433', '0177.0.0.1', '0x7f.1', '127.1', '[::ffff:127.0.0.1]', '[::1]', '017700000001'])(
  'the host %s is seen through',
  (host) => expect(() => checkLiteral(new URL(`https://${host}/`).hostname)).toThrow('private address'),
);

test('a name that resolves to loopback is refused at the look-up', async () => {
  await expect(promisify(publicLookup())('localhost', {})).rejects.toMatchObject({ type: 'SourceForbidden' });
  await expect(promisify(publicLookup())('localhost', { all: true })).rejects.toMatchObject({
    type: 'SourceForbidden',
  });
});

test.each([
  ['203.0.114.0/24', '203.0.114.9', '203.0.115.9'],
  ['8.8.8.8', '8.8.8.8', '8.8.4.4'],
  ['8.8.8.0/24', '::ffff:8.8.8.8', '::ffff:8.8.4.4'],
  // Of a NAT64 of one's own nobody else knows the prefix.
  ['2a01:64::/96', '2a01:64::7f00:1', '2a01:65::7f00:1'],
  ['8.8.8.0/24', '64:ff9b::808:808', '64:ff9b::808:404'],
  ['8.8.8.0/24', '2002:808:808::1', '2002:808:404::1'],
])('the network %s is denied: %s, and not %s', (network, inside, outside) => {
  const denied = blockListOf([network]);
  expect([isPublicAddress(inside, denied), isPublicAddress(outside, denied)]).toEqual([false, true]);
  expect(isPublicAddress(inside)).toBe(true);
  const host = new URL(`https://${inside.includes(':') ? `[${inside}]` : inside}/`).hostname;
  expect(() => checkLiteral(host, denied)).toThrow('private address');
});
