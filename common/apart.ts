import { execFile } from 'node:child_process';
import { secretFiles } from './config/secret-files';

/** What keeps decoders apart from the worker that starts them, as far as this system allows it. */
export interface Isolation {
  /** No network, and of other processes neither memory nor environment. */
  namespaces: boolean;
  /** The files that hold secrets are empty for them. */
  secrets: boolean;
  /** What the system said where it refused one of the two: `unshare: unshare failed: Operation not permitted`. */
  reason?: string;
}

/** Gives the process a user of its own, who has no right over ours, and a network that has nothing but itself. */
const NAMESPACES = ['unshare', '--user', '--map-current-user', '--net', '--'];

/** The same, and /dev/null in the place of each file named; then the right to undo that is given up for good. */
const MASKED = ['unshare', '--user', '--map-root-user', '--net', '--mount', '--', 'sh', '-c'];
const MASK = `for n in $(seq "$1"); do shift; [ ! -e "$1" ] || mount --bind /dev/null "$1" || exit 126; done; shift; exec "$@"`;
const NO_RIGHTS = ['setpriv', '--no-new-privs', '--bounding-set', '-all', '--inh-caps', '-all', '--'];

let found: Promise<{ words: string[]; isolation: Isolation }> | undefined;

/** Words before a command that keep its process apart; none where the system allows nothing of it. The process id stays. */
export async function apart(): Promise<string[]> {
  return (await (found ??= find())).words;
}

/** Found out once, by trying. */
export async function isolation(): Promise<Isolation> {
  return (await (found ??= find())).isolation;
}

/** What keeps decoders apart here, in one sentence. */
export function isolationHas({ namespaces, secrets }: Isolation): string {
  if (!namespaces) return 'Decoders get an environment without secrets.';
  const first = 'Decoders have no network, and read neither memory nor environment of the worker';
  return `${first}${secrets ? ', nor a file that holds a secret' : ''}.`;
}

/** What does not, and why, in one sentence; undefined: nothing. */
export function isolationGap({ namespaces, secrets, reason }: Isolation): string | undefined {
  const why = reason === undefined ? '' : ` (${reason})`;
  if (!namespaces)
    return `Decoders have the network and the rights of the worker here: the system allows no user namespaces${why}.`;
  if (!secrets) return `Decoders can read the files that hold secrets: the system lets none be masked${why}.`;
  return undefined;
}

async function find(): Promise<{ words: string[]; isolation: Isolation }> {
  if (process.platform !== 'linux') return { words: [], isolation: { namespaces: false, secrets: false } };
  const files = secretFiles();
  let reason: string | undefined;
  if (files.length > 0) {
    const words = [...MASKED, MASK, 'sh', String(files.length), ...files, ...NO_RIGHTS];
    const refusal = await tried(words);
    if (refusal === undefined) return { words, isolation: { namespaces: true, secrets: true } };
    reason = refusal;
  }
  const refusal = await tried(NAMESPACES);
  const namespaces = refusal === undefined;
  const isolation = { namespaces, secrets: files.length === 0, reason: refusal ?? reason };
  return { words: namespaces ? NAMESPACES : [], isolation };
}

/** @returns undefined where a program can be started so, else the last line that says why not */
function tried([file = '', ...args]: string[]): Promise<string | undefined> {
  return new Promise((resolve) => {
    execFile(file, [...args, 'true'], { env: process.env }, (error, _stdout, stderr) => {
      if (error === null) return resolve(undefined);
      if (error.code === 'ENOENT') return resolve(`${file} is not installed`);
      resolve(stderr.trim().split('\n').at(-1)?.slice(0, 200) || `it ended with ${String(error.code)}`);
    });
  });
}
