import { randomBytes } from 'node:crypto';
import { ApplicationFailure, defaultPayloadConverter, type Payload } from '@temporalio/common';
import { decodeOptionalFailureToOptionalError, encodeErrorToFailure } from '../sdk-internals';
import { temporal } from '@temporalio/proto';
import { loadConfig, secretValues } from '../../common/config';
import { EncryptionCodec } from './codec';
import { loadedConverterOf } from '.';
import { parsePayloadKeys } from '../../common/config/payload-keys';

const key = (id: string, bytes = 32) => `${id}:${randomBytes(bytes).toString('base64')}`;
const [first, second] = [key('2026-01'), key('2026-02')];
const codec = (...entries: string[]) => new EncryptionCodec(entries.flatMap((entry) => parsePayloadKeys(entry)));
const payload = (value: unknown): Payload => defaultPayloadConverter.toPayload(value);
const value = (from: Payload | undefined): unknown => from && defaultPayloadConverter.fromPayload(from);
const keyId = ({ metadata }: Payload) => Buffer.from(metadata?.['encryption-key-id'] ?? []).toString();
const bytes = (from: Payload) => Buffer.from(temporal.api.common.v1.Payload.encode(from).finish());

describe('the codec', () => {
  test.each([
    ['a text', 'file:///secret/photo.jpg'],
    ['an object', { source: 's3://bucket/key', list: [1, 2.5, null], deep: { yes: true } }],
    ['nothing', undefined],
    ['null', null],
    ['an empty text', ''],
    ['bytes', new Uint8Array([0, 255, 1])],
    ['much', 'x'.repeat(2_000_000)],
  ])('gives %s back', async (_name, given) => {
    const [encrypted] = await codec(first).encode([payload(given)]);
    expect(value((await codec(first).decode([encrypted!]))[0])).toEqual(given);
  });

  test('leaves nothing to read but its own encoding and the id of the key', async () => {
    const [encrypted] = await codec(first).encode([payload('file:///secret/photo.jpg')]);
    expect(bytes(encrypted!).toString('latin1')).not.toMatch(/secret|json/);
    expect(Object.keys(encrypted!.metadata ?? {}).sort()).toEqual(['encoding', 'encryption-key-id']);
    expect(keyId(encrypted!)).toBe('2026-01');
  });

  test('never writes the same twice', async () => {
    const [one, two] = await codec(first).encode([payload('same'), payload('same')]);
    expect(bytes(one!).equals(bytes(two!))).toBe(false);
  });

  test('writes with the first key and reads with each', async () => {
    const [old] = await codec(first).encode([payload('old')]);
    const [recent] = await codec(second, first).encode([payload('recent')]);
    expect([keyId(old!), keyId(recent!)]).toEqual(['2026-01', '2026-02']);
    for (const keys of [codec(second, first), codec(first, second)]) {
      expect((await keys.decode([old!, recent!])).map(value)).toEqual(['old', 'recent']);
    }
  });

  test('lets pass what was written before there were keys', async () => {
    const plain = payload('plain');
    expect(await codec(first).decode([plain])).toEqual([plain]);
    expect(await codec().encode([plain])).toEqual([plain]);
  });

  test.each([
    ['no key', []],
    ['another one', [second]],
  ])('says which key is missing when there is %s', async (_n, keys) => {
    const encrypted = await codec(first).encode([payload('x')]);
    const failure = codec(...keys).decode(encrypted);
    await expect(failure).rejects.toThrow('Encrypted with the key "2026-01", which DARKROOM_PAYLOAD_KEYS lacks here.');
  });

  test.each([
    ['a changed byte of the text', (data: Buffer) => (data[14]! ^= 1)],
    ['a changed nonce', (data: Buffer) => (data[0]! ^= 1)],
    ['a changed tag', (data: Buffer) => (data[data.length - 1]! ^= 1)],
  ])('refuses %s', async (_name, change) => {
    const [encrypted] = await codec(first).encode([payload('x')]);
    const data = Buffer.from(encrypted!.data ?? []);
    change(data);
    await expect(codec(first).decode([{ ...encrypted!, data }])).rejects.toThrow(/does not fit the key "2026-01"/);
  });

  test.each([0, 11, 27, 28, 30])('refuses what was cut to %i bytes', async (length) => {
    const [encrypted] = await codec(first).encode([payload('a longer text')]);
    const data = encrypted!.data?.subarray(0, length);
    await expect(codec(first).decode([{ ...encrypted!, data }])).rejects.toThrow(/does not fit/);
  });

  test('refuses another id for the same bytes, and another key under the same id', async () => {
    const [encrypted] = await codec(first).encode([payload('x')]);
    const sameBytes = first.replace('2026-01', 'other');
    const metadata = { ...encrypted!.metadata, 'encryption-key-id': Buffer.from('other') };
    await expect(codec(sameBytes).decode([{ ...encrypted!, metadata }])).rejects.toThrow(
      /does not fit the key "other"/,
    );
    await expect(codec(key('2026-01')).decode([encrypted!])).rejects.toThrow(/does not fit the key "2026-01"/);
  });
});

test('sentence, stack and details of a failure are encrypted, and come back', async () => {
  const converter = loadedConverterOf(loadConfig({ DARKROOM_PAYLOAD_KEYS: first }));
  const error = ApplicationFailure.create({
    type: 'CorruptMedia',
    message: 'bad photo.jpg',
    details: [{ at: 'row 7' }],
  });
  const failure = await encodeErrorToFailure(converter, error);
  const text = Buffer.from(temporal.api.failure.v1.Failure.encode(failure).finish()).toString('latin1');
  expect(text).not.toMatch(/photo|row 7|codec\.test/);
  // Rules and lists look at the type.
  expect(text).toContain('CorruptMedia');
  const back = await decodeOptionalFailureToOptionalError(converter, failure);
  expect(back).toMatchObject({ message: 'bad photo.jpg', type: 'CorruptMedia', details: [{ at: 'row 7' }] });
});

describe('DARKROOM_PAYLOAD_KEYS', () => {
  const mixedUp = second.split(':').reverse().join(':');
  test.each([
    ['a key that is too short', key('a', 31), 'the key of entry 1 is not 32 bytes in base64'],
    ['a key that is too long', `${first},${key('a', 33)}`, 'the key of entry 2 is not 32 bytes'],
    ['no base64', `${first}\na:${'!'.repeat(44)}`, 'the key of entry 2 is not 32 bytes'],
    ['hex', `a:${randomBytes(32).toString('hex')}`, 'the key of entry 1 is not 32 bytes'],
    ['no id', `:${first.split(':')[1]}`, 'entry 1 is not of the form id:key'],
    ['the key alone', first.split(':')[1] ?? '', 'entry 1 is not of the form id:key'],
    ['key and id mixed up', `${first},${mixedUp}`, 'entry 2 '],
    ['the same id twice', `${first},${second},${key('2026-01')}`, 'entry 3 has the id of an earlier one'],
    ['commas only', ',,', 'expected entries'],
  ])('with %s is refused without quoting it', (_name, text, sentence) => {
    const load = () => loadConfig({ DARKROOM_PAYLOAD_KEYS: text });
    expect(load).toThrow(`DARKROOM_PAYLOAD_KEYS: ${sentence}`);
    const said = (() => {
      try {
        load();
        return '';
      } catch (error) {
        return String(error);
      }
    })();
    for (const piece of text.split(/[,:\n]/)) if (piece.length > 8) expect(said).not.toContain(piece);
  });

  test('hides each key on its own, and shows none when it is printed', () => {
    const config = loadConfig({ DARKROOM_PAYLOAD_KEYS: `${first}\n${second}` });
    for (const entry of [first, second]) expect(secretValues(config)).toContain(entry.slice(entry.indexOf(':') + 1));
    expect(JSON.stringify(parsePayloadKeys(first))).not.toContain(first.slice(10, 20));
  });
});
