import {
  ActivityFailure,
  ApplicationFailure,
  condition,
  isCancellation,
  log,
  patched,
  setHandler,
  TimeoutFailure,
  upsertSearchAttributes,
} from '@temporalio/workflow';
import { defineSearchAttributeKey } from '@temporalio/common';
import { PAUSED, type ItemProgress } from '../common/contracts';
import type { Playable } from '../common/playable';
import { ERRORS, isErrorType, type ErrorDetails, type ErrorType } from '../common/errors';
import { ChunkSteps } from './chunk-steps';
import { FailureCount, FormerFailureCount } from './failure-count';
import { pause, progress, restart, resume } from '../temporal/signals';

type Step = ItemProgress['steps'][number];

const STATE = defineSearchAttributeKey('MediaState', 'KEYWORD');

/** Called with the evidence before a killer of decoders is given up. */
export type Quarantine = (evidence: ErrorDetails) => Promise<void>;

/**
 * The steps of one item: each honours a pause, is shown in the `progress` query, and repeats failures of the counted
 * kind with a durable count of its own. Whatever the server retries by itself (lost workers, stores away) does not reach it.
 */
export class Steps {
  /** Those of the steps that are chunks of a long video. */
  readonly chunks = new ChunkSteps();
  /** Of a video in chunks whose stream can be played already. */
  playable?: Playable;
  private readonly steps: Step[] = [];
  private paused = false;
  /** Shows the pause in `MediaState`. */
  private marked = false;
  /** By name of the step; a success of the step removes its count. */
  private readonly counts = new Map<string, FailureCount>();
  private readonly formerCount = new FormerFailureCount();
  /** How often somebody had the step that waits or runs start again. */
  private restarts = 0;
  private encoderFailures = 0;
  private systemFailures = 0;

  constructor(private readonly quarantine: Quarantine) {
    setHandler(pause, (mark = false) => this.setPaused(true, mark));
    setHandler(resume, () => this.setPaused(false, false));
    setHandler(restart, () => void this.restarts++);
    setHandler(progress, () => this.progress());
  }

  /** Announces steps that are known now and run later, so that the percentage is honest. */
  plan(names: string[]): void {
    for (const name of names) this.steps.push({ name, state: 'waiting', attempts: 0 });
  }

  /** Forgets the steps of an item that begins anew; its failures still count. */
  startOver(): void {
    this.steps.length = 0;
    this.playable = undefined;
    this.chunks.plan([]);
  }

  /**
   * Runs one step to its success.
   * @param options `optional`: the item does without, so that nothing is quarantined because of it
   * @throws ApplicationFailure with a type of the error table and the sentence for the person who sent the file.
   */
  async run<T>(name: string, work: () => Promise<T>, { optional = false } = {}): Promise<T> {
    const step = this.find(name);
    for (;;) {
      await condition(() => !this.paused);
      step.state = 'running';
      step.attempts++;
      this.chunks.began(name);
      try {
        const result = await work();
        step.state = 'done';
        this.chunks.ended(name, result);
        this.counts.delete(name);
        return result;
      } catch (error) {
        step.state = 'failed';
        this.chunks.ended(name);
        if (isCancellation(error)) throw error;
        await this.afterFailure(name, toFailure(error), optional);
      }
    }
  }

  private setPaused(paused: boolean, marked: boolean): void {
    this.paused = paused;
    if (marked === this.marked) return;
    this.marked = marked;
    upsertSearchAttributes([{ key: STATE, value: marked ? PAUSED : null }]);
  }

  private find(name: string): Step {
    const known = this.steps.find((step) => step.name === name);
    if (known) return known;
    const step: Step = { name, state: 'waiting', attempts: 0 };
    this.steps.push(step);
    return step;
  }

  /** Returns when the step may be tried again; throws when it may not. */
  private async afterFailure(name: string, failure: ApplicationFailure, optional: boolean): Promise<void> {
    const type = failure.type as ErrorType;
    if (ERRORS[type].retryable !== 'counted') throw failure;
    const details = (failure.details?.[0] ?? {}) as ErrorDetails;
    const verdict = this.countOf(name).add(details);
    if (details['blame'] === 'system') this.systemFailures++;
    else this.encoderFailures++;
    log.warn('step failed', { step: name, type, message: failure.message, verdict });
    if (verdict === 'quarantine' && optional) throw failure;
    if (verdict === 'quarantine') {
      await this.quarantine({ step: name, message: failure.message, ...details });
      throw ApplicationFailure.nonRetryable(
        `The file killed the program that reads it twice${whereOf(details)}, so it was put into quarantine.`,
        'Quarantined',
        details,
      );
    }
    if (verdict === 'give up') throw failure;
    const { restarts } = this;
    await condition(() => this.restarts > restarts, verdict.retryInMs);
  }

  private countOf(name: string): FailureCount {
    if (!patched('failures-counted-by-step')) return this.formerCount;
    const count = this.counts.get(name) ?? new FailureCount();
    this.counts.set(name, count);
    return count;
  }

  private progress(): ItemProgress {
    const done = this.steps.filter((step) => step.state === 'done').length;
    const current = this.steps.filter((step) => step.state === 'running').map((step) => step.name);
    return {
      state: this.paused ? 'paused' : 'running',
      step: current.join(', '),
      percent: this.steps.length === 0 ? 0 : Math.round((100 * done) / this.steps.length),
      steps: this.chunks.without(this.steps),
      ...this.chunks.states(this.steps),
      ...(this.playable && { playable: this.playable }),
      encoderFailures: this.encoderFailures,
      systemFailures: this.systemFailures,
    };
  }
}

/** Which part of a long video it was. */
function whereOf({ range }: ErrorDetails): string {
  return typeof range === 'string' ? ` at ${range}` : '';
}

/** The attempt was alive and moved, but took longer than its limit: as likely to end the next time as an encoder that fails. */
const TOOK_TOO_LONG = { type: 'EncoderFailed', message: 'A step took longer than it may and was ended.' } as const;

/** The failure of an activity as the item's own failure: the type and the sentence come first, not Temporal's wrapping. */
function toFailure(error: unknown): ApplicationFailure {
  const cause = error instanceof ActivityFailure ? error.cause : error;
  if (cause instanceof ApplicationFailure && isErrorType(cause.type)) {
    return ApplicationFailure.create({
      type: cause.type,
      message: cause.message,
      details: cause.details ?? [],
      nonRetryable: true,
    });
  }
  if (cause instanceof TimeoutFailure && cause.timeoutType === 'START_TO_CLOSE') {
    return ApplicationFailure.create({ ...TOOK_TOO_LONG, details: [{ reason: 'timeout' }], nonRetryable: true });
  }
  const message =
    cause instanceof TimeoutFailure
      ? 'The item was not processed in time: no worker, source or store was there for days.'
      : 'Something unexpected went wrong in Darkroom.';
  const text = cause instanceof Error ? cause.message : String(cause);
  const type: ErrorType = cause instanceof TimeoutFailure ? 'StorageUnavailable' : 'InternalError';
  return ApplicationFailure.create({ type, message, details: [{ error: text }], nonRetryable: true });
}
