/**
 * Which test runs where. A test that starts a Temporal server, a worker or another service is an integration test; charts
 * and Terraform have jobs of their own; everything else is a unit test.
 */
export const SUITES = ['unit', 'integration', 'chart', 'terraform'];

const STARTS_SERVICES = /from '[^']*(?:support\/(?:stack|s3)|e2e\/system|test\/starter\/server|\.\/temporal-server)'/;

/**
 * @param file path inside the repository, with forward slashes
 * @param text the file's content
 */
export function suiteOf(file, text) {
  if (/^test\/ship\/(helm|chart|keda)/.test(file)) return 'chart';
  if (file.startsWith('test/ship/terraform')) return 'terraform';
  if (file.startsWith('test/ship/')) return 'unit';
  if (/^test\/[^/]+\//.test(file) || STARTS_SERVICES.test(text)) return 'integration';
  return 'unit';
}

/**
 * Deals files out to `total` machines so that they finish about together: the longest first, each to the one with the
 * least so far. A file without a known time counts as the median.
 * @param timings file → ms
 */
export function split(files, timings, total) {
  const known = files.map((file) => timings[file]).filter((ms) => ms !== undefined);
  const median = known.sort((a, b) => a - b)[Math.floor(known.length / 2)] ?? 1;
  const time = (file) => timings[file] ?? median;
  const shares = Array.from({ length: total }, () => ({ ms: 0, files: [] }));
  for (const file of [...files].sort((a, b) => time(b) - time(a) || (a < b ? -1 : 1))) {
    const least = shares.reduce((best, share) => (share.ms < best.ms ? share : best));
    least.files.push(file);
    least.ms += time(file);
  }
  return shares.map((share) => share.files);
}
