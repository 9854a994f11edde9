/** Reads the summary of `start-batch --json`: node ci/lib/smoke-check.mjs ITEMS SUMMARY. Fails unless every item completed. */
const [items, text] = process.argv.slice(2);
let summary;
try {
  summary = JSON.parse(text);
} catch {
  console.error(`smoke: no summary came back, but: ${text.slice(0, 500)}`);
  process.exit(1);
}
const { completed, failed } = summary;
console.log(`smoke: ${completed} of ${items} completed, ${failed} failed`);
if (completed !== Number(items) || failed !== 0) process.exit(1);
