import { spawn } from 'node:child_process';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { projectRoot } from '../../common/paths';
import type { Report } from '../embedded/report';
import { run } from '../embedded/run';

/** What tsc says at the end of each round of its watch mode. */
const ROUND = /Found (\d+) errors?\. Watching for file changes/;

/**
 * Compiles into `dist/` whenever a source changes, and bundles the workflows again where they changed.
 * @param onBuilt called after each round without errors, the first included.
 */
export function compileOnChange(report: Report, onBuilt: () => Promise<void>): { stop(): void } {
  const root = projectRoot();
  const tsc = path.join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const args = [tsc, '-p', 'tsconfig.build.json', '--watch', '--preserveWatchOutput', '--pretty', 'false'];
  const child = spawn(process.execPath, args, { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] });
  let rounds = Promise.resolve();
  createInterface({ input: child.stdout }).on('line', (line) => {
    const round = ROUND.exec(line);
    if (round === null) {
      if (line.includes('error TS')) report(line);
    } else if (round[1] === '0') {
      // One after the other: a second save may come while a worker is still being restarted.
      rounds = rounds.then(() => afterRound(root, report, onBuilt));
    } else {
      report('Not restarted: fix the errors above first');
    }
  });
  return { stop: () => child.kill() };
}

async function afterRound(root: string, report: Report, onBuilt: () => Promise<void>): Promise<void> {
  const bundler = await run(process.execPath, [path.join(root, 'scripts', 'bundle-workflows.mjs')]);
  if (bundler.code !== 0) return report(`The workflows could not be bundled:\n${bundler.output}`);
  await onBuilt().catch((error: unknown) => report(error instanceof Error ? error.message : String(error)));
}
