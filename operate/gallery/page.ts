import path from 'node:path';
import { Html, markup } from '../report/html';
import type { Shown, ShownGroup } from './variants';

const STYLE = `
:root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif; }
body { max-width: 78rem; margin: 2rem auto; padding: 0 1.25rem; }
section { margin-top: 2.5rem; border-top: 1px solid #8884; }
.variants { display: flex; flex-wrap: wrap; gap: 1.5rem; align-items: start; }
figure { margin: 0; max-width: 340px; }
img, video { max-width: 340px; height: auto; background: repeating-conic-gradient(#8883 0 25%, #0000 0 50%) 0 0 / 16px 16px; }
figcaption { font-size: 0.85rem; }
code { overflow-wrap: anywhere; }
.note { opacity: 0.75; }
`;

/** One page with every variant; it needs nothing but the pictures beside it. @param original file name of the photo */
export function galleryPage(groups: ShownGroup[], original: string): string {
  return `<!doctype html>\n${
    markup`<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Every option for images</title>
<style>${new Html(STYLE)}</style>
<h1>Every option for images, on one photo</h1>
<p>Each field of <code>image</code> in presets, in each of its values. <a href="${original}">The photo</a></p>
${groups.map(sectionOf)}
</html>`.text
  }\n`;
}

function sectionOf({ field, meaning, variants }: ShownGroup): Html {
  return markup`<section id="${field}">
<h2><code>${field}</code></h2>
<p>${meaning.replaceAll('`', '')}</p>
<div class="variants">
${variants.map(figureOf)}</div>
</section>
`;
}

function figureOf({ title, file, notes }: Shown): Html {
  const facts = file && `${file.width} × ${file.height} px, ${(file.bytes / 1000).toFixed(1)} kB`;
  const reached = file && 'reached' in file && file.reached ? `, quality ${file.reached.quality}` : '';
  const size = file && markup`src="${path.basename(file.file)}" width="${file.width}" height="${file.height}"`;
  const isVideo = file?.mime.startsWith('video/') === true;
  return markup`<figure>
${
  file &&
  (isVideo
    ? markup`<video ${size} aria-label="${title}" autoplay loop muted playsinline></video>
`
    : markup`<img ${size} alt="${title}" loading="lazy">
`)
}<figcaption><code>${title}</code><br>${facts}${reached}${notes.map((note) => markup`<br><span class="note">${note}</span>`)}</figcaption>
</figure>
`;
}
