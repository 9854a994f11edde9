/** The commands of a page of the docs, as a newcomer would type them. */
import { readFileSync } from 'node:fs';

/**
 * @param file a Markdown file
 * @returns its commands in their order, each with the heading that it stands under. Comments are gone, and a line that ends
 * with a backslash goes on with the next one.
 */
export function commandsOf(file) {
  const commands = [];
  let heading = '';
  let kind;
  let open;
  for (const line of readFileSync(file, 'utf8').split('\n')) {
    if (line.startsWith('```')) {
      kind = kind === undefined ? line.slice(3) : undefined;
      continue;
    }
    if (kind === undefined && /^#+ /.test(line)) heading = line.replace(/^#+ /, '');
    if (kind !== 'sh' && kind !== 'console') continue;
    const typed = open === undefined ? typedIn(kind, line) : line.trim();
    if (typed === undefined) continue;
    const text = `${open ?? ''}${typed.replace(/\s{2,}#.*$/, '').trim()}`;
    open = text.endsWith('\\') ? text.slice(0, -1) : undefined;
    if (open === undefined && text !== '') commands.push({ heading, text });
  }
  return commands;
}

/** Of a console only what stands behind the prompt was typed. */
function typedIn(kind, line) {
  if (kind === 'sh') return line;
  return line.startsWith('$ ') ? line.slice(2) : undefined;
}
