import { KINDS, type MediaKind } from '../../common/kinds';
import type * as workflows from '../../workflows';

test('each kind names a workflow that workflows/ exports, or this does not compile', () => {
  const kinds: Record<MediaKind, { workflow: keyof typeof workflows }> = KINDS;
  expect(new Set(Object.values(kinds).map(({ workflow }) => workflow)).size).toBe(Object.keys(kinds).length);
});
