/** A text that is shown for a while. */
export interface Cue {
  /** ms */
  start: number;
  end: number;
  /** Lines of plain text with `<b>`, `<i>` and `<u>`; what else has a meaning in WebVTT is written as an entity. */
  text: string;
  /** Settings of WebVTT, for example `line:0`. */
  settings?: string;
}

/** Bounds on what a track of captions may hold; real ones have some thousand cues. */
export const MAX_CAPTION_BYTES = 8 * 2 ** 20;
const MAX_CUES = 50_000;
const MAX_TEXT = 2000;
const MAX_LINES = 12;

/**
 * Cues from any text of the three formats, as nothing but text and times: in order, within bounds, without what WebVTT or a
 * browser could take for more than words.
 * @throws Error with a sentence's end: `are neither …`
 */
export function readCues(text: string): Cue[] {
  const lines = text.replace(/^\uFEFF/, '').split(/\r\n|\r|\n/);
  const read = readerOf(lines);
  if (read === undefined) throw new Error('are neither SRT, WebVTT nor ASS');
  const cues: Cue[] = [];
  for (const cue of read(lines)) {
    const shown = clean(cue.text);
    if (shown === '' || !(cue.end > cue.start)) continue;
    if (cues.length === MAX_CUES) throw new Error(`have more than ${MAX_CUES} cues`);
    cues.push({ ...cue, text: shown });
  }
  return cues.sort((a, b) => a.start - b.start);
}

/** Cues of a part of the time, put at its beginning. @param start s @param seconds length of the part */
export function cutCues(cues: readonly Cue[], start: number, seconds: number): Cue[] {
  const [from, to] = [1000 * start, 1000 * (start + seconds)];
  return cues
    .filter((cue) => cue.end > from && cue.start < to)
    .map((cue) => ({ ...cue, start: Math.max(cue.start, from) - from, end: Math.min(cue.end, to) - from }));
}

/** A whole file of WebVTT. @param head further lines of its header */
export function toWebVtt(cues: readonly Cue[], head: string[] = []): string {
  const blocks = cues.map(
    ({ start, end, text, settings }) => `${clock(start)} --> ${clock(end)}${settings ? ` ${settings}` : ''}\n${text}\n`,
  );
  return [['WEBVTT', ...head].join('\n') + '\n', ...blocks].join('\n');
}

const TIMES = /^\s*((?:\d{1,4}:)?\d{1,2}:\d{2}[.,]\d{1,3})\s*-->\s*((?:\d{1,4}:)?\d{1,2}:\d{2}[.,]\d{1,3})(.*)$/;

type Reader = (lines: string[]) => Iterable<Cue>;

function readerOf(lines: string[]): Reader | undefined {
  const [first = ''] = lines;
  if (/^WEBVTT([ \t]|$)/.test(first)) return blocksOf;
  if (lines.some((line) => /^\s*\[Events\]\s*$/i.test(line))) return dialoguesOf;
  return lines.slice(0, 200).some((line) => TIMES.test(line)) ? blocksOf : undefined;
}

/** SRT and WebVTT: a line of times, then text up to an empty line. */
function* blocksOf(lines: string[]): Iterable<Cue> {
  for (let at = 0; at < lines.length; at++) {
    const [, start, end, rest = ''] = TIMES.exec((lines[at] ?? '').slice(0, 300)) ?? [];
    if (start === undefined || end === undefined) continue;
    const text: string[] = [];
    for (at++; at < lines.length && (lines[at] ?? '').trim() !== ''; at++) text.push(lines[at] ?? '');
    const top = /\{\\an?[789]\}/.test(text.join('\n')) ? 'line:0' : undefined;
    const settings = settingsOf(rest) ?? top;
    yield { start: timeOf(start), end: timeOf(end), text: text.join('\n'), ...(settings && { settings }) };
  }
}

/** ASS and SSA: one line for each text, its fields named by the `Format` line of the section. */
function* dialoguesOf(lines: string[]): Iterable<Cue> {
  let fields: string[] | undefined;
  let inEvents = false;
  for (const line of lines) {
    if (/^\s*\[/.test(line)) inEvents = /^\s*\[Events\]/i.test(line);
    if (!inEvents) continue;
    const format = /^Format:(.*)$/i.exec(line)?.[1];
    if (format !== undefined) fields = format.split(',').map((field) => field.trim().toLowerCase());
    const values = /^Dialogue:(.*)$/i.exec(line)?.[1]?.split(',');
    if (values === undefined || fields === undefined) continue;
    const value = (name: string): string => values[fields?.indexOf(name) ?? -1]?.trim() ?? '';
    // The text comes last and may have commas.
    const text = values.slice(fields.length - 1).join(',');
    // Shapes are drawn by text, too.
    if (/\{[^}]*\\p[1-9]/.test(text)) continue;
    const settings = /\{[^}]*\\an?[789]/.test(text) ? 'line:0' : undefined;
    const words = text.replace(/\\N/g, '\n').replace(/\\n|\\h/g, ' ');
    yield {
      ...{ start: timeOf(value('start')), end: timeOf(value('end')), text: words },
      ...(settings && { settings }),
    };
  }
}

/** ms of `1:02:03.450`, `02:03,45`; NaN where it is no time. */
function timeOf(text: string): number {
  const [, hours = '0', minutes, seconds, part = ''] =
    /^(?:(\d{1,4}):)?(\d{1,2}):(\d{2})[.,](\d{1,3})$/.exec(text) ?? [];
  return 1000 * (3600 * Number(hours) + 60 * Number(minutes) + Number(seconds)) + Number(part.padEnd(3, '0'));
}

function clock(ms: number): string {
  const whole = Math.round(ms);
  const two = (number: number) => String(Math.floor(number)).padStart(2, '0');
  const time = [two(whole / 3_600_000), two((whole / 60_000) % 60), two((whole / 1000) % 60)].join(':');
  return `${time}.${String(whole % 1000).padStart(3, '0')}`;
}

/** The settings that place a cue; regions and all else go. */
function settingsOf(rest: string): string | undefined {
  const known = rest.match(/\b(?:(?:line|position):-?\d{1,3}(?:\.\d{1,3})?%?|size:\d{1,3}%|align:(?:start|center|end|left|right)|vertical:(?:rl|lr))(?=\s|$)/g); // prettier-ignore
  return known === null ? undefined : [...new Set(known)].join(' ');
}

const ENTITIES: Record<string, string> = { amp: '&', lt: '<', gt: '>', nbsp: '\u00a0', lrm: '\u200e', rlm: '\u200f' };

function clean(text: string): string {
  const words = text
    .slice(0, 4 * MAX_TEXT)
    .replace(/\{[^{}\n]{0,500}\}/g, '')
    .replace(/[\u0000-\u0009\u000b-\u001f\u007f\u2028\u2029\ufffe\uffff]/g, ' ')
    .split(/(<\/?[A-Za-z\d][^<>\n]{0,300}>)/)
    .map((part) =>
      /^<\/?[A-Za-z\d].*>$/.test(part) ? (/^<\/?[biu]>$/i.exec(part)?.[0].toLowerCase() ?? '') : escaped(part),
    )
    .join('');
  const lines = words
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line.replace(/<[^>]*>/g, '') !== '')
    .slice(0, MAX_LINES);
  const shown = lines.join('\n');
  if (isBalanced(shown) && shown.length <= MAX_TEXT) return shown;
  return shown.replace(/<[^>]*>/g, '').slice(0, MAX_TEXT).replace(/&[a-z]{0,4}$/, ''); // prettier-ignore
}

function escaped(text: string): string {
  const plain = text.replace(/&(amp|lt|gt|nbsp|lrm|rlm);/g, (_, name: string) => ENTITIES[name] ?? '');
  return plain.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;');
}

function isBalanced(text: string): boolean {
  const open: string[] = [];
  for (const [, slash, name] of text.matchAll(/<(\/?)([biu])>/g)) {
    if (!slash) open.push(name ?? '');
    else if (open.pop() !== name) return false;
  }
  return open.length === 0;
}
