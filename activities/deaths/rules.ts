import { HEARTBEAT_MS } from '../../common/heartbeats';
import type { ProcessIdentity } from '../../common/this-process';

/** How far an attempt had come when its worker last said so. */
export interface Place {
  step: string;
  /** Seconds of media that were made; where the step makes none, seconds since it began. */
  seconds: number;
  /** Seconds by which another worker that dies of the same cause may have said something else. */
  slack: number;
}

/** The end of a worker that took an attempt along. */
export interface Death extends Place {
  /** Nothing else was worked on in that worker, so that nothing else can have ended the worker. */
  alone: boolean;
  /** Content that was worked on; absent before it was known. */
  sourceSha256?: string;
}

/** What an attempt leaves in its heartbeats for the attempt after it. */
export interface Trail extends Death {
  worker: ProcessIdentity;
  /** The attempt has ended in order, by a failure or by a hand-over. */
  ended?: boolean;
  /** Deaths of workers in the attempts before. */
  deaths: Death[];
}

/** After so many deaths of its workers an input is worked on alone. */
export const DEATHS_TOGETHER = 2;
/** So many deaths at about the same place, of workers that did nothing else, are the input's doing. */
export const DEATHS_ALONE = 2;
/** Deaths that are remembered: heartbeats stay small. */
const REMEMBERED = 6;

/**
 * Deaths of workers in all attempts so far, the one before this included.
 * @param before what the attempt before left; undefined where it left nothing
 * @param isAlive whether the process of that attempt is known to live: it lost its connection, or its attempt, but not its life
 */
export function deathsUntil(before: Trail | undefined, isAlive: (worker: ProcessIdentity) => boolean): Death[] {
  if (before === undefined) return [];
  const { worker, ended = false, deaths, step, seconds, slack, alone, sourceSha256 } = before;
  if (ended || isAlive(worker)) return deaths;
  return [...deaths, { step, seconds, slack, alone, sourceSha256 }].slice(-REMEMBERED);
}

/** Who may be at work beside the input, or that the input is given up. */
export function verdictOn(deaths: Death[]): 'together' | 'alone' | 'quarantine' {
  const alone = deaths.filter((death) => death.alone);
  const isKiller = alone.some((death) => alone.filter((other) => isSame(death, other)).length >= DEATHS_ALONE);
  if (isKiller) return 'quarantine';
  return deaths.length >= DEATHS_TOGETHER ? 'alone' : 'together';
}

/** Whether two workers died of the same content at about the same place. */
function isSame(a: Death, b: Death): boolean {
  const apart = Math.abs(a.seconds - b.seconds);
  return a.step === b.step && a.sourceSha256 === b.sourceSha256 && apart <= Math.max(a.slack, b.slack);
}

/** Heartbeats of two attempts that die at the same place are apart by their interval; machines differ a little, too. */
export function slackOf(seconds: number, speed = 1): number {
  return (3 * HEARTBEAT_MS * Math.max(1, speed)) / 1000 + seconds / 10;
}

/** What an attempt of this or of an older version left: an older one leaves no trail. */
export function trailIn(details: unknown): Trail | undefined {
  const trail = (details as { trail?: Partial<Trail> } | undefined)?.trail;
  return trail?.worker !== undefined && Array.isArray(trail.deaths) ? (trail as Trail) : undefined;
}
