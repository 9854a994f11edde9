/** Characters of a text for `alt`: what screen readers are read aloud in one go. */
const MOST = 500;

/** Lines as one sentence for the `alt` of a picture, cut between words; empty where nothing was read. */
export function altText(lines: string[]): string {
  const text = lines.join(' ').replaceAll(/\s+/g, ' ').trim();
  if (text.length <= MOST) return text;
  const cut = text.slice(0, MOST - 1);
  return `${cut.slice(0, cut.includes(' ') ? cut.lastIndexOf(' ') : undefined)}…`;
}
