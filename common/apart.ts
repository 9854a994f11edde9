import { execFile } from 'node:child_process';
import { secretFiles } from './config/secret-files';

/** What keeps decoders apart from the worker that starts them, as far as this system allows it. */
export interface Isolation {
  /** No network, and of other processes neither memory nor environment. */
  namespaces: boolean;
  /** The files that hold secrets are empty for them. */
  secrets: boolean;
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

/** One sentence on what is missing; undefined: nothing. */
export function isolationGap({ namespaces, secrets }: Isolation): string | undefined {
  if (!namespaces)
    return 'Decoders have the network and the rights of the worker here: the system allows no user namespaces.';
  if (!secrets) return 'Decoders can read the files that hold secrets: the system lets none be masked.';
  return undefined;
}

async function find(): Promise<{ words: string[]; isolation: Isolation }> {
  if (process.platform !== 'linux') return { words: [], isolation: { namespaces: false, secrets: false } };
  const files = secretFiles();
  if (files.length > 0) {
    const words = [...MASKED, MASK, 'sh', String(files.length), ...files, ...NO_RIGHTS];
    if (await works(words)) return { words, isolation: { namespaces: true, secrets: true } };
  }
  const namespaces = await works(NAMESPACES);
  return { words: namespaces ? NAMESPACES : [], isolation: { namespaces, secrets: files.length === 0 } };
}

function works([file = '', ...args]: string[]): Promise<boolean> {
  return new Promise((resolve) => {
    execFile(file, [...args, 'true'], (error) => resolve(error === null));
  });
}
