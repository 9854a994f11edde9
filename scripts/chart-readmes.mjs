#!/usr/bin/env node
/**
 * Writes helm/CHART/README.md: every value with its default and the comment that stands above it in values.yaml.
 *
 *   node scripts/chart-readmes.mjs [--check]     --check writes nothing and fails where a README is not up to date
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { isMap, isScalar, parseDocument, stringify, visit } from 'yaml';
import { fail, root } from './setup/shell.mjs';

/** The README of a chart as it has to be; Markdown that prettier leaves as it is. */
function readme(chart) {
  const read = (name) => readFileSync(path.join(root, 'helm', chart, name), 'utf8');
  const { description, kubeVersion } = parseDocument(read('Chart.yaml')).toJS();
  return `<!-- Made from values.yaml by \`npm run docs:charts\`. -->

# ${chart}

${description}. Kubernetes ${kubeVersion.replace('-0', '').replace('>=', '>= ')}; [deploying](../../docs/operations/deploy.md) says more.

\`\`\`sh
helm upgrade --install ${chart} helm/${chart} -f helm/${chart}/values/prod.yaml --set image.repository=… --set image.tag=… \\
  --atomic --timeout 20m
\`\`\`

Files for environments are in \`values/\`. A key that is not in this table is refused.

${table(rows(parseDocument(read('values.yaml')).contents))}`;
}

/** One row for each value, in the file's order. A map of several lines is a row only where it has a comment. */
function rows(map, above = '') {
  return map.items.flatMap((pair, index) => {
    const key = `${above}${pair.key.value}`;
    // The comment above the first key hangs on the map itself.
    const comment = index === 0 ? (map.commentBefore ?? pair.key.commentBefore) : pair.key.commentBefore;
    const opens = isMap(pair.value) && !pair.value.flow && !/^pools\.\w+$/.test(key);
    if (!opens) return [{ key, fallback: inline(pair.value), says: meaning(comment) }];
    // So does the comment above the first key of a map on the map's own lines; it is that key's.
    return [
      ...(pair.key.commentBefore ? [{ key, fallback: '', says: meaning(comment) }] : []),
      ...rows(pair.value, `${key}.`),
    ];
  });
}

/** A value on one line, without comments. */
function inline(node) {
  const copy = node.clone();
  visit(copy, {
    Node(_key, child) {
      delete child.comment;
      delete child.commentBefore;
      if (!isScalar(child)) child.flow = true;
    },
  });
  return `\`${stringify(copy, { lineWidth: 0, singleQuote: true }).trim()}\``;
}

/** Lines of a comment as one paragraph; a line that is set in begins a new one. */
function meaning(comment = '') {
  const own = comment.split('\n\n').at(-1) ?? '';
  return own
    .split('\n')
    .map((line) =>
      line
        .replace(/^ ( {2,}\S)/, '<br>$1')
        .trim()
        .replace(/^<br>\s+/, '<br>'),
    )
    .join(' ')
    .replaceAll(' <br>', '<br>')
    .replaceAll('|', '\\|');
}

function table(entries) {
  const head = { key: 'Value', fallback: 'Default', says: 'Meaning' };
  const cells = [head, ...entries.map((entry) => ({ ...entry, key: `\`${entry.key}\`` }))];
  const width = (column) => Math.max(...cells.map((cell) => [...cell[column]].length));
  const widths = { key: width('key'), fallback: width('fallback'), says: width('says') };
  const columns = Object.keys(widths);
  const line = (cell) =>
    `| ${columns.map((column) => cell[column] + ' '.repeat(widths[column] - [...cell[column]].length)).join(' | ')} |\n`;
  const rule = `| ${columns.map((column) => '-'.repeat(widths[column])).join(' | ')} |\n`;
  return line(cells[0]) + rule + cells.slice(1).map(line).join('');
}

const isChart = (name) => existsSync(path.join(root, 'helm', name, 'Chart.yaml'));
for (const chart of readdirSync(path.join(root, 'helm')).filter(isChart)) {
  const file = path.join(root, 'helm', chart, 'README.md');
  if (!process.argv.includes('--check')) writeFileSync(file, readme(chart));
  else if (readFileSync(file, 'utf8') !== readme(chart))
    fail(`helm/${chart}/README.md is not what values.yaml says: run "npm run docs:charts" and commit what it writes.`);
}
