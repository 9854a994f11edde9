/** A tag of RFC 5646 in its usual form: `en` for `eng`, `de-AT` for `DE-at`. Undefined for what is none, and for `und`. */
export function languageTag(text: string | undefined): string | undefined {
  if (text === undefined || !/^[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8}){0,4}$/.test(text)) return undefined;
  try {
    const [tag = ''] = Intl.getCanonicalLocales(text.replaceAll('_', '-'));
    return ['und', 'zxx', 'mul', 'mis'].includes(tag) ? undefined : tag;
  } catch {
    return undefined;
  }
}

/** What speakers call their language: `Deutsch`. */
export function languageName(tag: string): string {
  try {
    const name = new Intl.DisplayNames([tag], { type: 'language' }).of(tag) ?? tag;
    return name.charAt(0).toLocaleUpperCase(tag) + name.slice(1);
  } catch {
    return tag;
  }
}
