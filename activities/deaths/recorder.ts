import { isNeighbour, isRunning, thisProcess, type ProcessIdentity } from '../../common/this-process';
import { deathsUntil, slackOf, trailIn, verdictOn, type Death, type Trail } from './rules';

/**
 * Keeps in an attempt's heartbeats who works on what, and where: if the worker dies, whatever kills it, the next attempt
 * reads that and counts the death. docs/decisions/0002-retries.md
 */
export class Recorder {
  /** Deaths of workers in the attempts before this one. */
  readonly deaths: Death[];
  /** Nothing else is worked on in this worker. */
  alone = false;
  sourceSha256?: string;
  private step = 'start';
  private since = performance.now();
  private made?: { seconds: number; speed: number };
  private ended = false;

  /** @param before heartbeat details of the attempt before */
  constructor(
    before: unknown,
    private readonly worker: ProcessIdentity = thisProcess(),
  ) {
    const isAlive = (other: ProcessIdentity): boolean => isNeighbour(other, worker) && isRunning(other);
    this.deaths = deathsUntil(trailIn(before), isAlive);
  }

  get verdict(): ReturnType<typeof verdictOn> {
    return verdictOn(this.deaths);
  }

  /** @param details as heartbeats show them: a `step`, or how far ffmpeg has come */
  progress(details: { step?: unknown; outTimeSeconds?: unknown; speed?: unknown }): void {
    const { step, outTimeSeconds, speed } = details;
    if (typeof step === 'string' && step !== this.step) {
      this.step = step;
      this.since = performance.now();
      this.made = undefined;
    }
    if (typeof outTimeSeconds === 'number') this.made = { seconds: outTimeSeconds, speed: Number(speed) };
  }

  /** The attempt ends, and its worker lives: the next attempt has no death to count. */
  end(): void {
    this.ended = true;
  }

  /** For the next heartbeat. */
  get trail(): Trail {
    const { worker, ended, alone, sourceSha256, step, deaths, made } = this;
    const seconds = Math.round(made?.seconds ?? (performance.now() - this.since) / 1000);
    return { worker, ended, alone, sourceSha256, step, seconds, slack: slackOf(seconds, made?.speed), deaths };
  }
}
