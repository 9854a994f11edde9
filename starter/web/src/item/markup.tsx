import { useState } from 'preact/hooks';
import type { Manifest } from '../../../../common/contracts';
import { fileUrl } from '../api';
import { playerHtml } from '../lib/snippets';
import { ActionButton } from '../parts/bits';

/** The snippet for a page (a picture or a player), and the colours that the picture is made of. */
export function Markup({ id, manifest }: { id: string; manifest: Manifest }) {
  const { picture, placeholder } = manifest;
  const palette = placeholder?.palette ?? [];
  const html = picture === undefined ? playerOf(id, manifest) : pictureHtml(picture);
  if (html === undefined) return null;
  return (
    <section class="markup" aria-labelledby="markup-title">
      <div class="head-row">
        <h2 id="markup-title">For your page</h2>
        <Copy text={html} label="Copy HTML" />
      </div>
      <pre tabIndex={0} aria-label="HTML">
        <code>{html}</code>
      </pre>
      {palette.length > 0 && (
        <ul class="palette" aria-label="Colours of the picture">
          {palette.map((colour) => (
            <li key={colour}>
              <span style={{ backgroundColor: colour }} aria-hidden="true" /> {colour}
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

/** The pictures first, then the videos, which are another way to show the same. */
function pictureHtml({ html, video = html }: NonNullable<Manifest['picture']>): string {
  return [...new Set([html, video])].join('\n\n');
}

/** Without a public address, files have the one of this service. */
function playerOf(id: string, manifest: Manifest): string | undefined {
  return playerHtml(manifest, ({ url, path }) => url ?? new URL(fileUrl(id, path), location.href).href);
}

function Copy({ text, label }: { text: string; label: string }) {
  const [copied, setCopied] = useState(false);
  const copy = async (): Promise<void> => {
    // Browsers hand the clipboard to pages by https and of this machine only.
    if (!window.isSecureContext) throw new Error('This page is not on https: select the text and copy it by hand.');
    await navigator.clipboard.writeText(text);
    setCopied(true);
  };
  return (
    <>
      <ActionButton label={label} run={copy} />
      <span class="facts" role="status">
        {copied && 'Copied'}
      </span>
    </>
  );
}
