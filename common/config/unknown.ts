/** Variables that look like Darkroom's but are not in the table: a misspelt name would otherwise be ignored silently. */

/** Names that a shell may hold while a command runs, though only Compose, scripts and tests read them. */
const OF_TOOLS = [
  'DARKROOM_IMAGE',
  'DARKROOM_CI_GROUP',
  'DARKROOM_TEST_BATCHES',
  'DARKROOM_TEST_BIN',
  'DARKROOM_TEST_IMAGE',
  'DARKROOM_TEST_ITEMS',
  'DARKROOM_TEST_LINES',
  'DARKROOM_TEST_OBJECTS',
  'DARKROOM_TEST_SERVER',
  'DARKROOM_TEST_UPLOAD',
];

/** DARKROOM_ as people type it: DARKROM_, DARK_ROOM_, darkroom_. */
const OURS = /^DARK_?RO+M_/i;

/** Ends of the names that Kubernetes makes for a Service. */
const OF_SERVICE = /^_(SERVICE|PORT)(_|$)/;

/**
 * One sentence for each variable that is set, begins like Darkroom's and is not one of `known`, with the nearest name.
 * Values are never quoted: a misspelt name may hold a secret.
 */
export function unknownVariables(env: Record<string, string | undefined>, known: readonly string[]): string[] {
  const services = serviceNames(env);
  const names = new Set([...known, ...OF_TOOLS]);
  return Object.entries(env)
    .filter(([name, value]) => value !== undefined && value !== '' && OURS.test(name) && !names.has(name))
    .filter(
      ([name]) => !services.some((service) => name.startsWith(service) && OF_SERVICE.test(name.slice(service.length))),
    )
    .map(([name]) => `${name}: no such variable; did you mean ${nearest(name, known)}?`);
}

/** Kubernetes adds NAME_SERVICE_HOST, NAME_PORT and more for each Service, also for one called darkroom-something. */
function serviceNames(env: Record<string, string | undefined>): string[] {
  return Object.keys(env).flatMap((name) => /^(DARKROOM_.+)_SERVICE_HOST$/.exec(name)?.[1] ?? []);
}

function nearest(name: string, known: readonly string[]): string {
  const wanted = name.toUpperCase();
  const ranked = known.map((candidate) => ({ candidate, edits: distance(wanted, candidate) }));
  return ranked.sort((a, b) => a.edits - b.edits)[0]?.candidate ?? '';
}

/** Insertions, deletions and replacements (Levenshtein) that lead from one text to the other. */
function distance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (const [index, letter] of [...from].entries()) {
    const next = [index + 1];
    for (let column = 1; column <= to.length; column++) {
      const replaced = (row[column - 1] ?? 0) + (letter === to[column - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[column] ?? 0) + 1, (next[column - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[to.length] ?? 0;
}
