import type { Job } from '../../client';

/** What the example reads of a manifest. */
interface Manifest {
  picture?: { html: string };
  renditions: { role: string; path: string; mime: string; url?: string }[];
}

/** The markup of a finished job; undefined while it is open. */
export function mediaOf({ state, manifest, error }: Job): string | undefined {
  if (state === 'failed') return `<p role="alert">${escape(error?.message ?? 'It failed.')}</p>`;
  if (state === 'cancelled') return '<p role="alert">It was cancelled.</p>';
  if (state !== 'succeeded' || manifest === undefined) return undefined;
  const { picture, renditions } = manifest as unknown as Manifest;
  if (picture !== undefined) return picture.html;
  const addressOf = (role: string): string | undefined => {
    const found = renditions.filter((each) => each.role === role && !each.mime.includes('mpegurl')).at(-1);
    return found && escape(found.url ?? found.path);
  };
  const [video, poster] = [addressOf('video'), addressOf('poster')];
  return `<video controls muted src="${video ?? ''}"${poster === undefined ? '' : ` poster="${poster}"`}></video>`;
}

export function uploadPage(): string {
  return page(
    'Upload',
    `<label>A photo or a video <input type="file" accept="image/*,video/*"></label><output></output>
<script>
  const output = document.querySelector('output');
  document.querySelector('input').onchange = async ({ target: { files: [file] } }) => {
    output.textContent = 'Uploading…';
    const answer = await fetch('/upload/' + encodeURIComponent(file.name), { method: 'PUT', body: file });
    if (answer.ok) location = '/media/' + (await answer.json()).id + '/';
    else output.textContent = await answer.text();
  };
</script>`,
  );
}

/** Addresses in the markup are relative to this page, which ends with a slash. */
export function itemPage(job: Job): string {
  const media = mediaOf(job);
  if (media !== undefined) return page('Ready', media);
  return page(
    'At work',
    `<p>Darkroom is at work.</p>
<script>
  const ask = async () => ((await (await fetch('state')).json()).done ? location.reload() : ask());
  ask();
</script>`,
  );
}

function page(title: string, body: string): string {
  return `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${title}</title><link rel="icon" href="data:,"><style>img, video { max-width: 100%; height: auto }</style>
<main><h1>${title}</h1>${body}</main></html>`;
}

function escape(value: string): string {
  return value.replace(/[&<>"]/g, (letter) => `&#${letter.charCodeAt(0)};`);
}
