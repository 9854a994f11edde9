/** Longest time that a test may stay in quarantine, in days: long enough to mend it, too short to forget it. */
const LONGEST = 30;
const DAY = 86_400_000;

/**
 * Checks the list. Each entry names a test file, who mends it, until when, and why.
 * @returns problems: sentences, each of which fails the pipeline; excused: file → sentence for those that may fail today
 */
export function readQuarantine(entries, { today, exists }) {
  const problems = [];
  const reasons = new Map();
  for (const entry of entries) {
    const { file, owner, expires, reason } = entry;
    const name = file ?? JSON.stringify(entry);
    const end = Date.parse(`${expires}T23:59:59Z`);
    if (![file, owner, expires, reason].every((value) => typeof value === 'string' && value.trim() !== '')) {
      problems.push(`${name}: needs file, owner, expires and reason`);
    } else if (!/^\d{4}-\d{2}-\d{2}$/.test(expires) || Number.isNaN(end)) {
      problems.push(`${name}: expires must be a date like 2026-12-31, not "${expires}"`);
    } else if (end < today.getTime()) {
      problems.push(`${name}: its quarantine ended on ${expires}; ${owner} has to mend or delete it`);
    } else if (end - today.getTime() > (LONGEST + 1) * DAY) {
      problems.push(`${name}: ${expires} is more than ${LONGEST} days away`);
    } else if (!exists(file)) {
      problems.push(`${name}: there is no such file; remove the entry`);
    } else {
      reasons.set(file, `in quarantine until ${expires} (${owner}): ${reason}`);
    }
  }
  return { problems, excused: (file) => reasons.get(file) };
}
