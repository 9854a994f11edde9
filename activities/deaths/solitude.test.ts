import { setImmediate as turn } from 'node:timers/promises';
import { Solitude } from './solitude';

const never = new AbortController().signal;

/** Enters, and notes in `order` when. */
function entering(gate: Solitude, order: string[], name: string, alone: boolean): Promise<() => void> {
  return gate.enter(alone, never).then((leave) => (order.push(name), leave));
}

test('one that is to be alone waits for those at work, and those that come later wait for it', async () => {
  const gate = new Solitude();
  const order: string[] = [];
  const [first, second] = [await entering(gate, order, 'first', false), await entering(gate, order, 'second', false)];
  expect(gate.isWanted).toBe(false);
  const suspect = entering(gate, order, 'suspect', true);
  const late = entering(gate, order, 'late', false);
  expect(gate.isWanted).toBe(true);
  first();
  await turn();
  expect(order).toEqual(['first', 'second']);
  second();
  const leave = await suspect;
  await turn();
  expect(order).toEqual(['first', 'second', 'suspect']);
  leave();
  await late;
  expect(gate.isWanted).toBe(false);
});

test('of two that are to be alone, one waits for the other', async () => {
  const gate = new Solitude();
  const order: string[] = [];
  const beside = await gate.enter(false, never);
  const [a, b] = [entering(gate, order, 'a', true), entering(gate, order, 'b', true)];
  beside();
  const leave = await Promise.race([a, b]);
  await turn();
  expect(order).toHaveLength(1);
  leave();
  await Promise.all([a, b]);
  expect(order).toHaveLength(2);
});

test('one that gives up waiting lets the others in', async () => {
  const gate = new Solitude();
  await gate.enter(false, never);
  const abort = new AbortController();
  const suspect = gate.enter(true, abort.signal);
  const late = gate.enter(false, never);
  abort.abort(new Error('no longer'));
  await expect(suspect).rejects.toThrow('no longer');
  await late;
  expect(gate.isWanted).toBe(false);
});
