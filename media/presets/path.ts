/** `image.renditions[2].width` */
export function formatPath(parts: PropertyKey[]): string {
  if (parts.length === 0) return '(whole file)';
  return parts
    .map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`))
    .join('')
    .replace(/^\./, '');
}
