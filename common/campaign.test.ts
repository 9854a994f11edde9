import {
  besideOf,
  count,
  countPair,
  fresh,
  isBeside,
  isCampaignId,
  outOfBounds,
  type CampaignReport,
} from './campaign';

const bounds = { minSsim: 0.9, maxBytesRatio: 1.5, maxFailures: 0.1 };
const report = (over: Partial<CampaignReport>): CampaignReport => ({ ...fresh(), ...over });

test.each<[string, Partial<CampaignReport>, number | undefined, RegExp | undefined]>([
  ['fine figures', { made: 20, failed: 2, bytesBefore: 100, bytesAfter: 150, lowestSsim: 0.9 }, 10, undefined],
  ['one picture that is another', { made: 1, lowestSsim: 0.89 }, undefined, /0\.890 \(SSIM\)/],
  ['a budget that is spent', { made: 1, cpuSeconds: 10 }, 10, /budget of 10 CPU seconds/],
  ['a few failures, of which nothing follows', { made: 3, failed: 1 }, undefined, undefined],
  ['too many failures', { made: 8, failed: 2 }, undefined, /2 of 10 items failed/],
  ['large outputs', { made: 5, bytesBefore: 100, bytesAfter: 151 }, undefined, /1\.51 times the bytes/],
])('%s', (_, over, budgetCpuSeconds, reason) => {
  const found = outOfBounds(report(over), { bounds, budgetCpuSeconds });
  if (reason === undefined) expect(found).toBeUndefined();
  else expect(found).toMatch(reason);
});

test('a report keeps the pairs that resemble each other least', () => {
  const found = fresh();
  for (let ssim = 1; ssim > 0; ssim -= 0.02) {
    countPair(found, { old: `${ssim}`, made: 'm', ssim, bytesBefore: 2, bytesAfter: 1 });
  }
  count(found, 2, { manifest: '', bytesIn: 9, bytesOut: 1, renditions: 1, cpuSeconds: 0.1 });
  expect(found).toMatchObject({ compared: 50, made: 1, bytesBefore: 2, bytesAfter: 1, cpuSeconds: 0.1 });
  expect(found.pairs).toHaveLength(24);
  expect(found.pairs[0]?.ssim).toBe(found.lowestSsim);
});

test('ids and folders of campaigns are told from others', () => {
  const id = 'shop.reprocess-web-new-0a1b2c3d';
  expect([id, 'reprocess-0a1b2c3d', 'trip', 'reprocess-trip'].map(isCampaignId)).toEqual([true, true, false, false]);
  const beside = besideOf('file:///out/trip/beach', id);
  expect(beside).toBe('file:///out/trip/beach.reprocess-0a1b2c3d');
  expect([beside, 'file:///out/trip/beach'].map(isBeside)).toEqual([true, false]);
});
