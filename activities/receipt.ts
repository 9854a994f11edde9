import os from 'node:os';
import type { Rendition } from '../common/contracts';
import type { Receipt } from '../common/receipts';
import type { Attempt } from './attempt';
import type { ActivityDeps } from './deps';

/** By id, as a manifest has them. */
export type Receipts = Record<string, Receipt>;

/** As the SDK names its workers: the process that Temporal shows for an attempt is the one of the receipt. */
const WORKER = `${process.pid}@${os.hostname()}`;

/** What the attempt has cost so far, under its id; nothing where it has run no command. */
export function receiptOf({ tools }: ActivityDeps, attempt: Attempt): Receipts {
  const { meter, sourceSha256, writer, activity, receiptId } = attempt;
  const { commands } = meter;
  if (commands.length === 0) return {};
  const cpuSeconds = sum(commands.map((command) => command.cpuSeconds ?? 0));
  const peakBytes = Math.max(...commands.map((command) => command.peakBytes ?? 0));
  const receipt = { sourceSha256, activity, attempt: writer.attempt, worker: WORKER, cpuSeconds, peakBytes };
  return { [receiptId]: { ...receipt, commands, tools } };
}

/** CPU seconds of all receipts; undefined where there are none, or no command says. */
export function cpuSecondsOf(receipts: Receipts = {}): number | undefined {
  const known = Object.values(receipts).filter(({ commands }) =>
    commands.some((each) => each.cpuSeconds !== undefined),
  );
  return known.length === 0 ? undefined : sum(known.map(({ cpuSeconds }) => cpuSeconds));
}

/** Renditions name the receipts that there are, and no other. */
export function withKnownReceipts(renditions: Rendition[], receipts: Receipts): Rendition[] {
  return renditions.map(({ receipt, ...rest }) => ({
    ...rest,
    ...(receipt !== undefined && Object.hasOwn(receipts, receipt) && { receipt }),
  }));
}

/** In hundredths, which is how exactly a system counts: sums show no 0.1 + 0.2. */
function sum(seconds: number[]): number {
  return Math.round(seconds.reduce((total, each) => total + each, 0) * 100) / 100;
}
