/** Pieces of a secret that must not be printed even where they stand alone. */

/** Of a list of `name:…:value` entries: the values. */
export function lastFields(text: string): string[] {
  return text
    .split(/[,\n]/)
    .map((entry) => entry.trim().split(':').at(-1) ?? '')
    .filter((value) => value !== '');
}

/** Of a URL: its password, as written and as meant. */
export function urlPassword(text: string): string[] {
  if (!URL.canParse(text)) return [];
  const { password } = new URL(text);
  return [...new Set([password, decoded(password)])].filter((value) => value !== '');
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
