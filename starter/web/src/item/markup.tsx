import { useState } from 'preact/hooks';
import type { Manifest } from '../../../../common/contracts';
import { ActionButton } from '../parts/bits';

/** Of an image: the snippet for a page, and the colours that the picture is made of. */
export function Markup({ manifest: { picture, placeholder } }: { manifest: Manifest }) {
  const palette = placeholder?.palette ?? [];
  if (picture === undefined) return null;
  // The pictures first, then the videos, which are another way to show the same.
  const html = [...new Set([picture.html, picture.video ?? picture.html])].join('\n\n');
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
