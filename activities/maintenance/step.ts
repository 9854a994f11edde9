import type { Client } from '@temporalio/client';
import type { DarkroomError } from '../../common/errors';
import { isSourceNotFound } from '../../common/errors';
import type { Logger } from '../../common/logger';
import type { DeadLetters, StepTally } from '../../common/maintenance';
import { Places, type ObjectInfo, type Storage } from '../../storage';
import type { ActivityDeps } from '../deps';
import type { Pulse } from '../pulse';

const MAX_EXAMPLES = 100;
/** Files of a listing between two signs of life. */
const PAGE = 1000;

/** What a step works with. */
export interface StepContext {
  deps: ActivityDeps;
  log: Logger;
  client: Client;
  findings: Findings;
  cleanup: boolean;
  deadLetters: DeadLetters;
  /** ms since 1970, of the step's start. */
  now: number;
  pulse: Pick<Pulse, 'throwIfOver' | 'signal'>;
}

interface Saved extends StepTally {
  /** Last object of the listing that was looked at. */
  after?: string;
}

/** What a step has found; each change goes into the next heartbeat, so that another attempt goes on from there. */
export class Findings {
  readonly tally: StepTally;
  private looked: string | undefined;

  /**
   * @param saved details of the last heartbeat of the attempt before
   * @param onChange takes the details of the next heartbeat
   */
  constructor(
    private readonly cleanup: boolean,
    saved: unknown,
    private readonly onChange: (state: Saved) => void,
  ) {
    const before = saved as Partial<Saved> | undefined;
    this.looked = before?.after?.startsWith('s3:') ? before.after : undefined;
    // Without a place to go on from the listing begins again, and finds everything again but what is removed.
    const keeps = before !== undefined && (cleanup || this.looked !== undefined);
    const { found = 0, removed = 0, bytes = 0, examples = [] } = keeps ? before : {};
    this.tally = { found: this.looked === undefined ? removed : found, removed, bytes, examples: [...examples] };
  }

  /** Where a listing of S3 goes on. */
  get after(): string | undefined {
    return this.looked;
  }

  /** Everything up to this object of the listing is done. */
  passed(uri: string | undefined): void {
    this.looked = uri ?? this.looked;
    this.onChange({ ...this.tally, after: this.looked });
  }

  /** Says what the figures do not. @param sentence with its full stop */
  note(sentence: string): void {
    this.tally.note = sentence;
  }

  /** Counts what is not needed, and removes it in a cleanup. @param remove absent: it stays */
  async take(name: string, bytes: number, remove?: () => Promise<unknown>): Promise<void> {
    await this.takeAll([{ name, bytes }], remove);
  }

  /** The same for what is removed together. */
  async takeAll(all: readonly { name: string; bytes: number }[], remove?: () => Promise<unknown>): Promise<void> {
    if (all.length === 0) return;
    if (this.cleanup && remove !== undefined) {
      await remove();
      this.tally.removed += all.length;
    }
    for (const { name, bytes } of all) {
      this.tally.found++;
      this.tally.bytes += bytes;
      if (this.tally.examples.length < MAX_EXAMPLES) this.tally.examples.push(name);
    }
    this.onChange({ ...this.tally, after: this.looked });
  }
}

/** Counts files that are not needed, and removes them in a cleanup. */
export async function takeFiles({ deps, findings, pulse }: StepContext, files: readonly ObjectInfo[]): Promise<void> {
  pulse.throwIfOver();
  await findings.takeAll(
    files.map(({ uri, bytes }) => ({ name: uri, bytes })),
    () => deps.storage.removeMany(files.map(({ uri }) => uri)),
  );
}

/**
 * The files below the outputs, without uploads: their names are chosen by their senders.
 * @param below URI prefix of those to look at, which may be that of the uploads; absent: all outputs
 * @param onEmpty called with each empty folder and the time of its last change, ms since 1970
 */
export async function* outputFiles(
  { deps, log, findings, pulse }: StepContext,
  below?: string,
  onEmpty?: (uri: string, modified: number) => Promise<void>,
): AsyncGenerator<ObjectInfo> {
  const { outputs, uploads } = new Places(deps.config);
  const options = { hidden: true, after: findings.after, onEmpty };
  const onError = (error: DarkroomError, uri: string): void => log.warn({ error: error.message, uri }, 'not looked at');
  let looked = 0;
  for await (const info of existing(deps.storage, below ?? outputs, { ...options, onError })) {
    pulse.throwIfOver();
    // A listing moves also where all of it stays as it is.
    if (++looked % PAGE === 0) findings.passed(undefined);
    if (below === uploads || !info.uri.startsWith(`${uploads}/`)) yield info;
  }
}

/** A folder that is not there has no files. */
async function* existing(storage: Storage, ...args: Parameters<Storage['list']>): AsyncGenerator<ObjectInfo> {
  try {
    yield* storage.list(...args);
  } catch (error) {
    if (!isSourceNotFound(error)) throw error;
  }
}
