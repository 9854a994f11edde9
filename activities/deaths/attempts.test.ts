/** Attempts whose workers died, as the attempts after them see that: real activities, without a server. */
import { mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import sharp from 'sharp';
import type { ProcessIdentity } from '../../common/this-process';
import { attempt, checkedManifest, environmentOf, filesOf, labItem, openLab, type Lab } from '../../test/support/lab';
import type { ActivityDeps } from '../deps';
import { makeImage } from '../image';
import { slackOf, type Death, type Trail } from './rules';
import { solitude } from './solitude';

let lab: Lab;
let deps: ActivityDeps;
let file: string;
let out: string;
beforeAll(async () => {
  lab = await openLab();
  deps = { ...lab.deps, config: { ...lab.deps.config, suspectUptime: 0 } };
});
afterAll(() => lab.close());
beforeEach(async () => {
  const folder = await mkdtemp(path.join(lab.root, 'case-'));
  file = path.join(folder, 'photo.png');
  out = path.join(folder, 'out');
  const image = sharp({ create: { width: 60, height: 40, channels: 3, background: 'red' } });
  await writeFile(file, await image.png().toBuffer());
});

const gone: ProcessIdentity = { boot: 'beef', namespace: '1', pid: 1, started: '1' };
const died = (alone: boolean): Death => ({ step: 'image', seconds: 0, slack: slackOf(0), alone });

/** One attempt of an image after others. @returns the trails that its heartbeats leave, the last one last */
async function after(...deaths: Death[]): Promise<Trail[]> {
  const [last = died(false), ...before] = [...deaths].reverse();
  const left: Trail = { ...last, worker: gone, deaths: before.reverse() };
  const environment = environmentOf({ attempt: 5, heartbeatDetails: { step: 'image', trail: left } });
  const trails: Trail[] = [];
  environment.on('heartbeat', ({ trail }: { trail: Trail }) => trails.push(trail));
  try {
    await attempt(() => makeImage(deps, labItem(file)), { environment });
  } finally {
    expect(solitude.isWanted).toBe(false);
  }
  return trails;
}

test('a death is told on to the attempt after', async () => {
  const trails = await after(died(false));
  expect(trails[0]).toMatchObject({ deaths: [died(false)], alone: false, ended: false });
  expect(await checkedManifest(out)).toMatchObject({ source: { format: 'png' } });
});

test('after two deaths a healthy image is made alone, and the server knows of that before the work begins', async () => {
  const beside = await solitude.enter(false, new AbortController().signal);
  const made = after(died(false), died(false));
  // Someone else is at work here.
  expect(await Promise.race([made, new Promise((resolve) => setTimeout(resolve, 200, 'waits'))])).toBe('waits');
  expect(await filesOf(out)).toEqual({});
  beside();
  const trails = await made;
  expect(trails.map(({ alone, step }) => [alone, step])).toContainEqual([true, 'alone']);
  await checkedManifest(out);
});

test('after two deaths alone the image is given up, with the evidence where its outputs would be', async () => {
  const deaths = [died(false), died(false), died(true), died(true)];
  await expect(after(...deaths)).rejects.toMatchObject({
    type: 'Quarantined',
    nonRetryable: true,
    message:
      '4 workers died while they worked on the file, 2 of them while they did nothing else, so it was put into quarantine.',
  });
  expect(await readdir(out)).toEqual(['quarantine.json']);
  const report = JSON.parse(await readFile(path.join(out, 'quarantine.json'), 'utf8')) as object;
  expect(report).toMatchObject({ itemKey: 'item', evidence: { deaths } });
});

test('an attempt that fails in order, or is cancelled, leaves no death behind', async () => {
  await writeFile(file, 'no picture');
  const environment = environmentOf({ attempt: 2 });
  const trails: Trail[] = [];
  environment.on('heartbeat', ({ trail }: { trail: Trail }) => trails.push(trail));
  await expect(attempt(() => makeImage(deps, labItem(file)), { environment })).rejects.toMatchObject({
    type: 'UnsupportedMedia',
  });
  expect(trails.map(({ ended }) => ended)).toEqual([false, true]);

  const cancelled = environmentOf({ attempt: 2 });
  const left: Trail[] = [];
  cancelled.on('heartbeat', ({ trail }: { trail: Trail }) => left.push(trail));
  const made = attempt(() => makeImage(deps, labItem(file)), { environment: cancelled });
  cancelled.cancel('WORKER_SHUTDOWN');
  await expect(made).rejects.toThrow();
  expect(left.at(-1)?.ended).toBe(true);
});
