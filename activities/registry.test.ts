import { MEDIA_KINDS } from '../common/kinds';
import { POOL_NAMES } from '../common/pools';
import { createActivities } from '.';
import { activitiesOfPool, ACTIVITY_NAMES, labelOf, poolOf } from './registry';

test('every activity of the table has its function, and there is no other', () => {
  const functions = createActivities({} as Parameters<typeof createActivities>[0]);
  expect(Object.keys(functions).sort()).toEqual([...ACTIVITY_NAMES].sort());
});

test('every activity is registered by the pool that it is scheduled on', () => {
  for (const name of ACTIVITY_NAMES) {
    for (const kind of MEDIA_KINDS) expect(activitiesOfPool(poolOf(name, kind))).toContain(name);
  }
});

test('no pool registers the work of another', () => {
  expect(activitiesOfPool('image')).toEqual(['makeImage', 'quarantine', 'compareOutputs']);
  expect(activitiesOfPool('video')).not.toContain('makeImage');
  const campaigns = ['campaignItems', 'campaignPairs', 'adoptOutputs', 'settleOutputs'];
  const others = ['growStream', 'findModel', 'removeOutputs', 'deliverWebhook', 'awaitBatch'];
  expect(activitiesOfPool('workflows')).toEqual([...others, ...campaigns, 'deleteItems', 'changeItems', 'maintain']);
  expect(POOL_NAMES.flatMap(activitiesOfPool)).toEqual(expect.arrayContaining(ACTIVITY_NAMES));
});

test('an activity of another version keeps its own name', () => {
  expect(labelOf('encodeRung')).toBe('encode');
  expect(labelOf('toString')).toBe('toString');
});
