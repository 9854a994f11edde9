/** Matroska puts a stream's duration into a tag: `00:00:03.040000000`. */
export function streamDuration(stream: {
  duration?: string;
  tags?: Record<string, string | undefined>;
}): number | undefined {
  const tag = /^(\d+):(\d+):(\d+(?:\.\d+)?)$/.exec(stream.tags?.['DURATION'] ?? '');
  const tagged = tag && Number(tag[1]) * 3600 + Number(tag[2]) * 60 + Number(tag[3]);
  return positive(stream.duration) ?? positive(tagged ?? undefined);
}

export function positive(value: string | number | undefined): number | undefined {
  const number = Number(value);
  return Number.isFinite(number) && number > 0 ? number : undefined;
}

/** Of bits a second. */
export function kbps(bitsPerSecond: string | number | undefined): number | undefined {
  const bits = positive(bitsPerSecond);
  return bits === undefined ? undefined : Math.round(bits / 1000);
}

/** What a field says; nothing where the tool says that it does not know. */
export function known(name: string | undefined): string | undefined {
  return name === undefined || name === 'unknown' || name === 'none' || name === '' ? undefined : name;
}
