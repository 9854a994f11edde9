import { loadConfig } from '../../common/config';
import type { ActivityDeps } from '../deps';
import { Findings, outputFiles, type StepContext } from './step';

const saved = { found: 7, removed: 2, bytes: 50, examples: ['a'], after: 's3://bucket/out/k' };
const nothing = () => Promise.resolve();

test('the next attempt at a listing of S3 goes on behind the last object with all figures', () => {
  const findings = new Findings(false, saved, () => undefined);
  expect(findings.after).toBe(saved.after);
  expect(findings.tally).toEqual({ found: 7, removed: 2, bytes: 50, examples: ['a'] });
});

test('the next attempt at a folder finds everything again but what is removed', async () => {
  const local = { ...saved, after: 'file:///out/k' };
  const cleanup = new Findings(true, local, () => undefined);
  expect([cleanup.after, cleanup.tally.found, cleanup.tally.removed]).toEqual([undefined, 2, 2]);
  await cleanup.take('b', 1, nothing);
  expect(cleanup.tally).toEqual({ found: 3, removed: 3, bytes: 51, examples: ['a', 'b'] });
  expect(new Findings(false, local, () => undefined).tally).toEqual({ found: 0, removed: 0, bytes: 0, examples: [] });
});

test('only a cleanup removes, and each change is in the heartbeat', async () => {
  const beats: unknown[] = [];
  const remove = jest.fn(nothing);
  await new Findings(false, undefined, (state) => beats.push(state)).take('a', 3, remove);
  expect(remove).not.toHaveBeenCalled();
  await new Findings(true, undefined, (state) => beats.push(state)).take('a', 3, remove);
  expect(remove).toHaveBeenCalledTimes(1);
  expect(beats).toMatchObject([
    { found: 1, removed: 0, bytes: 3 },
    { found: 1, removed: 1, bytes: 3 },
  ]);
});

test('a listing of which everything stays shows that it moves', async () => {
  const beats: unknown[] = [];
  const findings = new Findings(true, undefined, (state) => beats.push(state));
  async function* list(): AsyncGenerator<{ uri: string }> {
    for (let index = 0; index < 2_500; index++) yield { uri: `s3://media/out/${index}` };
  }
  const deps = {
    config: loadConfig({ DARKROOM_OUTPUT: 's3://media/out' }),
    storage: { list },
  } as unknown as ActivityDeps;
  const pulse = { throwIfOver: nothing, signal: new AbortController().signal };
  let looked = 0;
  for await (const _ of outputFiles({ deps, findings, pulse } as unknown as StepContext)) looked++;
  expect([looked, beats.length]).toEqual([2_500, 2]);
});
