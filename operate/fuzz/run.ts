import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { availableCores } from '../../common/cores';
import { forEachBounded } from '../../common/for-each-bounded';
import { loadPreset } from '../../media/presets';
import { mutant } from './mutate';
import { MediaRunner, type Ending } from './through-media';
import { throughWorker } from './through-worker';

export interface FuzzOptions {
  /** Folder of the files that are mutated. */
  corpus: string;
  /** An empty folder for everything that the run makes. */
  folder: string;
  count: number;
  seed: number;
  /** Number of the first mutant. */
  from: number;
  /** ms after which no further file is begun. */
  limitMs: number;
  /** `media`: the media layer in its real child processes. `worker`: workflows on a server and a worker of its own. */
  via: 'media' | 'worker';
  tools: { ffmpegPath: string; ffprobePath: string };
  onProgress?: (done: number) => void;
}

export interface FuzzReport {
  files: number;
  /** Files by how they ended. */
  outcomes: Record<string, number>;
  /** A sentence each, with the number and the file that show it again. */
  problems: string[];
}

/** Small renditions: it is about reading. */
const PRESET = `image:
  animation: keep
  renditions:
    - { name: small, format: webp, width: 64, effort: 0 }
video:
  rungs:
    - { name: low, height: 90, crf: 35, maxrate: 200, speed: ultrafast, audioBitrate: 32 }
  poster: { format: webp, width: 64, quality: 60 }
  sprite: { width: 32, columns: 2, rows: 2, quality: 50 }
`;

/** Files of one `corpus` run. */
const CHUNK = 500;

/** Mutates files of a corpus and has each come to its end. Nothing about a run is random but the seed. */
export async function fuzz(options: FuzzOptions): Promise<FuzzReport> {
  const { corpus, folder, seed, via, limitMs } = options;
  const names = (await filesBelow(corpus)).sort();
  if (names.length === 0) throw new Error(`There is no file in ${corpus}.`);
  const originals = await Promise.all(names.map((name) => readFile(path.join(corpus, name))));
  const presets = path.join(folder, 'presets');
  await mkdir(presets, { recursive: true });
  await writeFile(path.join(presets, 'fuzz.yaml'), PRESET);

  const deadline = Date.now() + limitMs;
  const report: FuzzReport = { files: 0, outcomes: {}, problems: [] };
  const settle = (number: number, what: string, { outcome, problem }: Ending): void => {
    report.files++;
    report.outcomes[outcome] = (report.outcomes[outcome] ?? 0) + 1;
    if (problem !== undefined) report.problems.push(`${what}: ${problem} (--seed ${seed} --from ${number} --count 1)`);
    options.onProgress?.(report.files);
  };
  const describe = (number: number) => {
    const { bytes, of, mutations } = mutant(originals, seed, number);
    return { bytes, what: `${names[of]}, ${mutations.join(' and ')}` };
  };
  const numbers = Array.from({ length: options.count }, (_, n) => options.from + n);
  if (via === 'media') await throughMedia(numbers);
  else await throughWorkers(numbers);
  return report;

  async function throughMedia(all: number[]): Promise<void> {
    const lanes = availableCores();
    const runner = new MediaRunner(folder, await loadPreset(presets, 'fuzz'), options.tools, lanes);
    try {
      await forEachBounded(all, lanes, async (number) => {
        if (Date.now() > deadline) return;
        const { bytes, what } = describe(number);
        settle(number, what, await runner.run(what, bytes));
      });
    } finally {
      report.problems.push(...(await runner.close()));
    }
  }

  async function throughWorkers(all: number[]): Promise<void> {
    const home = path.join(folder, 'home');
    await mkdir(home, { recursive: true });
    for (let at = 0; at < all.length && Date.now() <= deadline; at += CHUNK) {
      const chunk = all.slice(at, at + CHUNK);
      const files = new Map(chunk.map((number) => [String(number), describe(number).bytes]));
      const { endings, problems } = await throughWorker(files, home, { folder: presets, name: 'fuzz' });
      for (const number of chunk) {
        settle(number, describe(number).what, endings.get(String(number)) ?? { outcome: 'none', problem: 'is lost' });
      }
      report.problems.push(...problems);
    }
  }
}

async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)));
}
