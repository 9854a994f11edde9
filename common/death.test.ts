import { BLAME_OF_DEATH, causeOfDeath } from './death';

test.each([
  ['SIGSEGV', 'crash', 'input'],
  ['SIGABRT', 'crash', 'input'],
  ['SIGILL', 'crash', 'input'],
  ['SIGFPE', 'crash', 'input'],
  ['SIGBUS', 'crash', 'input'],
  ['SIGTRAP', 'crash', 'input'],
  ['SIGXFSZ', 'crash', 'input'],
  ['SIGXCPU', 'timeout', 'input'],
  ['SIGKILL', 'killed', 'system'],
  ['SIGTERM', 'killed', 'system'],
  [null, 'exit', 'system'],
] as const)('%s: %s, blamed on the %s', (signal, cause, blame) => {
  expect(causeOfDeath(signal, false)).toBe(cause);
  expect(BLAME_OF_DEATH[cause]).toBe(blame);
});

test('SIGKILL while the kernel was short of memory is not an operator, and not the input', () => {
  expect(causeOfDeath('SIGKILL', true)).toBe('oom');
  expect(BLAME_OF_DEATH.oom).toBe('system');
  expect(causeOfDeath('SIGSEGV', true)).toBe('crash');
  expect(causeOfDeath('SIGTERM', true)).toBe('killed');
});
