const BYTE_UNITS = ['B', 'kB', 'MB', 'GB', 'TB'];

/** `1.4 MB`, in steps of 1,000 as stores and networks count. */
export function bytes(value: number): string {
  let [amount, unit] = [value, 0];
  while (amount >= 999.5 && unit < BYTE_UNITS.length - 1) [amount, unit] = [amount / 1000, unit + 1];
  return `${unit > 0 && amount < 9.95 ? amount.toFixed(1) : Math.round(amount)} ${BYTE_UNITS[unit]}`;
}

/** `12,345` */
export function count(value: number): string {
  return Math.round(value).toLocaleString('en');
}

/** `0.4 s`, `12 s`, `3 min 20 s`, `2 h 5 min` */
export function duration(seconds: number): string {
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return whole % 60 === 0 ? `${minutes} min` : `${minutes} min ${whole % 60} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** Stands for a figure that is not known. Never 0. */
export const UNKNOWN = '—';

/** A duration given in ms, if it is known. */
export function milliseconds(value: number | undefined): string {
  return value === undefined ? UNKNOWN : duration(value / 1000);
}

/** Items a minute: whole numbers from ten on. */
export function perMinute(perSecond: number): string {
  const rate = 60 * perSecond;
  return rate === 0 || rate >= 9.95 ? count(rate) : rate.toFixed(1);
}

/** `1:05`, as players show it. */
export function clock(seconds: number): string {
  const whole = Math.floor(Number.isFinite(seconds) ? seconds : 0);
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const tail = `${h > 0 ? String(m).padStart(2, '0') : m}:${String(s).padStart(2, '0')}`;
  return h > 0 ? `${h}:${tail}` : tail;
}

/** How much smaller the second is: `−62 %`; `+5 %` where it grew. */
export function saving(before: number, after: number): string {
  const change = Math.round((100 * (after - before)) / before);
  return change > 0 ? `+${change} %` : `−${Math.abs(change)} %`;
}

/** `14:05`, or with the day when it was not today. */
export function moment(iso: string, now = new Date()): string {
  const at = new Date(iso);
  const time = at.toLocaleTimeString('en-GB', { hour: '2-digit', minute: '2-digit' });
  if (at.toDateString() === now.toDateString()) return time;
  return `${at.toLocaleDateString('en-GB', { day: 'numeric', month: 'short' })}, ${time}`;
}

/** The last part of a URI, as the person who sent the file knows it. */
export function fileName(uri: string): string {
  const last =
    uri
      .replace(/[?#].*$/, '')
      .split('/')
      .filter(Boolean)
      .at(-1) ?? uri;
  try {
    return decodeURIComponent(last);
  } catch {
    return last;
  }
}

/** `sunset-webp-640.webp`: the source's own name, then which rendition it is. */
export function downloadName(source: { uri: string }, { name, path }: { name: string; path: string }): string {
  return `${ownName(source)}-${name}${/\.[A-Za-z0-9]+$/.exec(path)?.[0] ?? ''}`;
}

/** `sunset.zip` */
export function archiveName(source: { uri: string }): string {
  return `${ownName(source)}.zip`;
}

const ownName = ({ uri }: { uri: string }): string => fileName(uri).replace(/\.[^.]{1,8}$/, '');
