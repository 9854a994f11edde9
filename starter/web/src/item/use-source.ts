import { useEffect, useRef } from 'preact/hooks';
import type { RefObject } from 'preact';

/**
 * Puts a rendition into the player, where the one before stood in time, and goes on playing if that did.
 * @param onUnplayable called where neither the browser nor hls.js can play it
 */
export function useSource(
  video: RefObject<HTMLVideoElement | null>,
  choice: { mime: string; url: string } | undefined,
  onUnplayable: () => void,
): void {
  const before = useRef({ currentTime: 0, paused: true });
  useEffect(() => {
    const player = video.current;
    if (!player || !choice) return;
    const { currentTime, paused } = before.current;
    const stop = new AbortController();
    const resume = (): void => {
      if (currentTime > 0) player.currentTime = currentTime;
      if (!paused) player.play().catch(() => undefined);
    };
    player.addEventListener('loadedmetadata', resume, { once: true, signal: stop.signal });
    if (choice.mime === 'video/mp4' || player.canPlayType(choice.mime) !== '') player.src = choice.url;
    else attachHls(player, choice.url, stop.signal, onUnplayable).catch(() => stop.signal.aborted || onUnplayable());
    return () => {
      // Before hls.js lets go of the player and takes it back to its beginning.
      before.current = { currentTime: player.currentTime, paused: player.paused };
      stop.abort();
    };
  }, [choice?.url]);
}

/** hls.js is large, and only browsers without HLS of their own load it. */
async function attachHls(
  player: HTMLVideoElement,
  url: string,
  signal: AbortSignal,
  onUnplayable: () => void,
): Promise<void> {
  const { default: Hls } = await import('hls.js');
  if (signal.aborted) return;
  if (!Hls.isSupported()) return onUnplayable();
  // Its worker would be a script from a blob, which the content security policy forbids.
  const hls = new Hls({ enableWorker: false });
  hls.on(Hls.Events.ERROR, (_, { fatal }) => fatal && onUnplayable());
  hls.loadSource(url);
  hls.attachMedia(player);
  signal.addEventListener('abort', () => hls.destroy());
}
