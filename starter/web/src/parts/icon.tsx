import type { MediaKind } from '../../../../common/kinds';

const PATHS = {
  check: 'm5 12.5 4.5 4.5L19 7.5',
  alert: 'M12 8v5m0 3.5v.01M12 3 2.5 20h19z',
  play: 'M8 5.5v13l10.5-6.5z',
  pause: 'M8 5.5v13m8-13v13',
  retry: 'M4.5 12a7.5 7.5 0 1 1 2.2 5.3M4.5 17.5v-4h4',
  stop: 'M6.5 6.5h11v11h-11z',
  upload: 'M12 16V5m0 0L7.5 9.5M12 5l4.5 4.5M5 19h14',
  sound: 'M4.5 9.5v5H8l4.5 4v-13L8 9.5zM16 9a4 4 0 0 1 0 6',
  mute: 'M4.5 9.5v5H8l4.5 4v-13L8 9.5zm11.5.5 4 4m0-4-4 4',
  full: 'M4.5 9V4.5H9m6 0h4.5V9m0 6v4.5H15m-6 0H4.5V15',
  out: 'M10 5H5v14h14v-5M13.5 5H19v5.5M19 5l-8.5 8.5',
  image: 'M4 5h16v14H4zm0 11 5-5 4 4 2.5-2.5L20 17M15.5 9.2v.01',
  film: 'M4 5h16v14H4zm4 0v14m8-14v14M4 9.5h4m8 0h4M4 14.5h4m8 0h4',
  moon: 'M19 14.5A7.5 7.5 0 0 1 9.5 5a7.5 7.5 0 1 0 9.5 9.5z',
  sun: 'M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8zm0-5v1.5m0 15V21M3 12h1.5m15 0H21M5.6 5.6l1 1m10.8 10.8 1 1m0-12.8-1 1M6.6 17.4l-1 1',
  bin: 'M5 7h14M10 7V4.5h4V7M7 7l.8 12.5h8.4L17 7m-7 4v5m4-5v5',
  back: 'M14.5 5.5 8 12l6.5 6.5',
  down: 'M12 5v11m0 0-4.5-4.5M12 16l4.5-4.5M5 19h14',
} as const;

export type IconName = keyof typeof PATHS;

const OF_KINDS = { image: 'image', video: 'film', audio: 'sound' } as const satisfies Record<MediaKind, IconName>;

/** The sign of a kind of media; a picture's for anything else. */
export function iconOf(kind: string | undefined): IconName {
  return OF_KINDS[kind as MediaKind] ?? 'image';
}

/** Decoration: what it says stands in words beside it, or in the label of its button. */
export function Icon({ name }: { name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  );
}
