import { Ledger } from './ledger';

const job = (source: string, more: object = {}) => ({ source, ...more });

test('a key is new once; after that it leads to the place of its first entry, and tells what differs', () => {
  const ledger = new Ledger();
  expect(ledger.claim('a', job('s3://b/1'), 1)).toBeUndefined();
  expect(ledger.claim('b', job('s3://b/2'))).toBeUndefined();
  expect(ledger.claim('a', job('s3://b/1', { kind: 'image' }), 2)).toEqual({ place: 1, differs: 'same' });
  expect(ledger.claim('a', job('s3://b/1', { preset: 'avif' }), 3)).toEqual({ place: 1, differs: 'settings' });
  expect(ledger.claim('a', job('s3://b/3'), 4)).toEqual({ place: 1, differs: 'source' });
  expect(ledger.claim('b', job('s3://b/2'), 5)).toEqual({ place: undefined, differs: 'same' });
});

test('the order of metadata makes no other job, its words do', () => {
  const ledger = new Ledger();
  ledger.claim('a', job('s3://b/1', { metadata: { x: '1', y: '2' } }), 0);
  expect(ledger.claim('a', job('s3://b/1', { metadata: { y: '2', x: '1' } }), 1)).toEqual({
    place: 0,
    differs: 'same',
  });
  expect(ledger.claim('a', job('s3://b/1', { metadata: { x: '2', y: '1' } }), 2)?.differs).toBe('settings');
});

test('an item is open from its accepted run to the end of it, and other runs of it are told apart', () => {
  const ledger = new Ledger();
  ledger.claim('a', job('s3://b/1'));
  expect([ledger.open, ledger.whose('a', 'run 1')]).toEqual([0, 'none']);
  ledger.accept('a', 'run 1');
  ledger.accept('of no list', 'run 9');
  expect([ledger.open, ledger.whose('a', 'run 1'), ledger.whose('a', 'run 2')]).toEqual([2, 'own', 'other']);
  ledger.close('a');
  ledger.close('a');
  expect([ledger.open, ledger.whose('a', 'run 1'), ledger.whose('b', 'run 1')]).toEqual([1, 'none', 'none']);
});

test('200,000 items: every one is found again, in less than 30 MB with what it outgrew', () => {
  const ledger = new Ledger();
  const count = 200_000;
  const before = process.memoryUsage().arrayBuffers;
  for (let n = 0; n < count; n++) expect1(ledger.claim(`key ${n}`, job(`s3://b/${n}`), n) === undefined);
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(30e6);
  for (let n = 0; n < count; n++) expect1(ledger.claim(`key ${n}`, job(`s3://b/${n}`), 0)?.place === n);
  ledger.accept(`key ${count - 1}`, 'run');
  expect(ledger.whose(`key ${count - 1}`, 'run')).toBe('own');
});

/** `expect` of a hundred thousand values takes longer than the ledger. */
function expect1(holds: boolean): void {
  if (!holds) throw new Error('not found again');
}

test('a full ledger refuses further items and still knows the others', () => {
  const ledger = new Ledger(2);
  ledger.claim('a', job('s3://b/1'), 1);
  ledger.claim('b', job('s3://b/2'), 2);
  expect(() => ledger.claim('c', job('s3://b/3'), 3)).toThrow('takes 2 items at most');
  expect(ledger.claim('b', job('s3://b/2'), 4)?.place).toBe(2);
});
