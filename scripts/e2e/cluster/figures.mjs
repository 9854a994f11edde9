// What the steps saw, as one JSON object.
// node figures.mjs add FOLDER STEP [BATCH] [name=value…]: keeps the values, and of a batch its summary and its attempts
// node figures.mjs print FOLDER
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

const [what, folder, step, ...rest] = process.argv.slice(2);
const kept = path.join(folder, 'figures.jsonl');
const read = (name) => JSON.parse(readFileSync(path.join(folder, name), 'utf8'));

if (what === 'add') {
  const values = rest.filter((word) => word.includes('=')).map((word) => word.split(/=(.*)/s).slice(0, 2));
  const figures = Object.fromEntries(values.map(([name, value]) => [name, asJson(value)]));
  appendFileSync(
    kept,
    `${JSON.stringify({ step, ...figures, ...ofBatch(rest.find((word) => !word.includes('='))) })}\n`,
  );
} else {
  const lines = existsSync(kept) ? readFileSync(kept, 'utf8').trim().split('\n') : [];
  const steps = lines.map((line) => JSON.parse(line)).map(({ step: name, ...figures }) => [name, figures]);
  const machine = { cores: os.availableParallelism(), load: os.loadavg()[0], at: new Date().toISOString() };
  console.log(JSON.stringify({ machine, ...Object.fromEntries(steps) }, null, 2));
}

function ofBatch(batch) {
  if (batch === undefined) return {};
  const { completed, failed, seconds } = read(`${batch}.json`);
  const { activities, furtherAttempts, because, workflowTaskTimeouts } = read(`attempts-${batch}.json`);
  return { completed, failed, seconds, activities, furtherAttempts, because, workflowTaskTimeouts };
}

function asJson(value) {
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
}
