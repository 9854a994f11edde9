import { useEffect } from 'preact/hooks';
import type { RefObject } from 'preact';

/** Puts a rendition into the player, where the one before stood in time, and goes on playing if that did. */
export function useSource(
  video: RefObject<HTMLVideoElement | null>,
  choice: { mime: string; url: string } | undefined,
): void {
  useEffect(() => {
    const player = video.current;
    if (!player || !choice) return;
    const { currentTime, paused } = player;
    const stop = new AbortController();
    const resume = (): void => {
      if (currentTime > 0) player.currentTime = currentTime;
      if (!paused) player.play().catch(() => undefined);
    };
    player.addEventListener('loadedmetadata', resume, { once: true, signal: stop.signal });
    if (choice.mime === 'video/mp4' || player.canPlayType(choice.mime) !== '') player.src = choice.url;
    else void attachHls(player, choice.url, stop.signal);
    return () => stop.abort();
  }, [choice?.url]);
}

/** hls.js is large, and only browsers without HLS of their own load it. */
async function attachHls(player: HTMLVideoElement, url: string, signal: AbortSignal): Promise<void> {
  const { default: Hls } = await import('hls.js');
  if (signal.aborted || !Hls.isSupported()) return;
  // Its worker would be a script from a blob, which the content security policy forbids.
  const hls = new Hls({ enableWorker: false });
  hls.loadSource(url);
  hls.attachMedia(player);
  signal.addEventListener('abort', () => hls.destroy());
}
