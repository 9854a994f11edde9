interface Timestamp {
  seconds?: unknown;
  nanos?: number | null;
}

/** ms since 1970 of a protobuf timestamp; undefined for one that is not set. */
export function toMs(time: Timestamp | null | undefined): number | undefined {
  if (time === null || time === undefined) return undefined;
  const ms = Number(time.seconds ?? 0) * 1000 + (time.nanos ?? 0) / 1e6;
  return ms > 0 ? ms : undefined;
}

/** Seconds from then until `now` (ms); at least 0, since the server's clock may be ahead of ours. */
export function secondsSince(time: Timestamp | null | undefined, now: number): number | undefined {
  const ms = toMs(time);
  return ms === undefined ? undefined : Math.max(0, (now - ms) / 1000);
}
