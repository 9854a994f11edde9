import { formatBytes, formatSeconds, printableText } from './format';
import type { Manifest } from '../../../common/contracts';
import { bytesOf } from '../../../storage';

/** What became of one file of a folder. */
export interface FileOutcome {
  /** Relative to the folder. */
  file: string;
  /** `ignored`: no media by its name, so it was never submitted. `open`: it has no outcome. */
  outcome: 'completed' | 'failed' | 'cancelled' | 'rejected' | 'ignored' | 'open';
  /** A row of the error table, where there is a failure. */
  type?: string;
  sentence: string;
  /** Of a completed file. */
  warnings?: string[];
}

/** `MP4 video, 640x360, 5.0 s: 7 files, 1.2 MB`, from what was published. */
export function describeManifest({
  kind,
  source,
  renditions,
}: Pick<Manifest, 'kind' | 'source' | 'renditions'>): string {
  const { format, width, height, durationSeconds, pages } = source;
  const facts = [
    `${format} ${kind}`,
    ...(width ? [`${width}x${height}`] : []),
    ...(durationSeconds === undefined ? [] : [formatSeconds(durationSeconds)]),
    ...(pages === undefined ? [] : [`${pages} frames or pages`]),
  ];
  const bytes = bytesOf(renditions);
  return `${facts.join(', ')}: ${renditions.length} files, ${formatBytes(bytes)}`;
}

const ORDER: FileOutcome['outcome'][] = ['completed', 'failed', 'cancelled', 'rejected', 'open', 'ignored'];

/** How many files had each outcome; every outcome is named, and the numbers add up to the files. */
export function countOutcomes(files: FileOutcome[]): Record<FileOutcome['outcome'], number> {
  const count = (outcome: FileOutcome['outcome']) => files.filter((each) => each.outcome === outcome).length;
  return Object.fromEntries(ORDER.map((outcome) => [outcome, count(outcome)])) as Record<
    FileOutcome['outcome'],
    number
  >;
}

/** One line a file, and the counts below. */
export function outcomeTable(files: FileOutcome[]): string {
  const width = Math.min(60, Math.max(4, ...files.map(({ file }) => file.length)));
  const rows = files.map(({ file, outcome, type, sentence, warnings = [] }) => {
    const what = type === undefined ? outcome : `${outcome} ${type}`;
    const words = [sentence, ...warnings.map((warning) => `Warning: ${warning}`)].join(' ');
    return printableText(`${file.padEnd(width)}  ${what.padEnd(24)}  ${words}`);
  });
  const counts = Object.entries(countOutcomes(files)).filter(
    ([outcome, count]) => count > 0 || outcome === 'completed',
  );
  const sum = counts.map(([outcome, count]) => `${count} ${outcome}`).join(', ');
  return [...rows, '', `${files.length} files: ${sum}`].join('\n');
}
