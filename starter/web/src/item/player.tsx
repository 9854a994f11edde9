import { useEffect, useRef, useState } from 'preact/hooks';
import { fileUrl, sourceUrl } from '../api';
import { clock } from '../lib/format';
import { isHls, movingPicture, pictureFor, playables, type Film } from '../lib/pictures';
import { Icon } from '../parts/icon';
import { Scrubber } from './scrubber';
import { useSource } from './use-source';

const decodes = (type: string): boolean => document.createElement('video').canPlayType(type) !== '';

/** The video in any of its renditions, also while it is still made, with previews while scrubbing. Keys: space, arrows, m, f. */
export function Player({ id, manifest }: { id: string; manifest: Film }) {
  const video = useRef<HTMLVideoElement>(null);
  const frame = useRef<HTMLDivElement>(null);
  const choices = [
    ...playables(manifest, decodes).map(({ name, path, mime }) => ({ name, mime, url: fileUrl(id, path) })),
    ...(manifest.isGrowing ? [] : [{ name: 'source', mime: 'video/mp4', url: sourceUrl(id) }]),
  ];
  const [chosen, setChosen] = useState(0);
  const [hovered, setHovered] = useState(false);
  const [state, setState] = useState({ playing: false, muted: false, time: 0, problem: '' });
  const choice = choices[chosen];
  // A stream that does not play leaves the field to the next choice, an MP4.
  const fail = (): void => {
    if (choice && isHls(choice)) setChosen(chosen + 1);
    else setState((before) => ({ ...before, problem: 'This browser cannot play this file.' }));
  };
  useSource(video, choice, fail);
  useEffect(() => setState((before) => ({ ...before, problem: '' })), [chosen]);

  const length = manifest.source.durationSeconds ?? 0;
  const poster = pictureFor(manifest, 1280);
  const moving = movingPicture(manifest);
  const toggle = (): void => {
    const player = video.current;
    if (player?.paused) player.play().catch(() => undefined);
    else player?.pause();
  };
  const seek = (time: number): void => {
    if (video.current) video.current.currentTime = Math.min(Math.max(0, time), length);
  };
  const mute = (): void => {
    if (video.current) video.current.muted = !video.current.muted;
  };
  const full = (): void => {
    if (document.fullscreenElement) void document.exitFullscreen();
    else void frame.current?.requestFullscreen();
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    if ((event.target as HTMLElement).matches('select, button') && event.key === ' ') return;
    const keys: Record<string, () => void> = {
      ' ': toggle,
      ArrowRight: () => seek(state.time + 5),
      ArrowLeft: () => seek(state.time - 5),
      m: mute,
      f: full,
    };
    const action = keys[event.key];
    if (!action || (event.target as HTMLElement).matches('select')) return;
    event.preventDefault();
    action();
  };
  return (
    <section class="player" ref={frame} aria-label="Video" onKeyDown={onKeyDown}>
      <video
        ref={video}
        onPointerEnter={() => setHovered(true)}
        onPointerLeave={() => setHovered(false)}
        playsInline
        preload="metadata"
        poster={poster && fileUrl(id, poster.path)}
        width={manifest.source.width}
        height={manifest.source.height}
        onClick={toggle}
        onPlay={() => setState((before) => ({ ...before, playing: true }))}
        onPause={() => setState((before) => ({ ...before, playing: false }))}
        onVolumeChange={(event) => setState({ ...state, muted: event.currentTarget.muted })}
        onTimeUpdate={(event) => setState({ ...state, time: event.currentTarget.currentTime })}
        onError={fail}
      />
      {moving && hovered && !state.playing && state.time === 0 && (
        <img class="moving" src={fileUrl(id, moving.path)} alt="" />
      )}
      {state.problem && <p class="player-problem">{state.problem}</p>}
      <div class="controls">
        <button type="button" class="icon-button" aria-label={state.playing ? 'Pause' : 'Play'} onClick={toggle}>
          <Icon name={state.playing ? 'pause' : 'play'} />
        </button>
        <span class="time">
          {clock(state.time)} / {clock(length)}
        </span>
        <Scrubber id={id} manifest={manifest} time={state.time} length={length} onSeek={seek} />
        <label>
          <span class="hidden">Rendition</span>
          <select value={chosen} onChange={(event) => setChosen(Number(event.currentTarget.value))}>
            {choices.map(({ name }, index) => (
              <option key={name} value={index}>
                {name}
              </option>
            ))}
          </select>
        </label>
        <button type="button" class="icon-button" aria-label={state.muted ? 'Sound on' : 'Sound off'} onClick={mute}>
          <Icon name={state.muted ? 'mute' : 'sound'} />
        </button>
        <button type="button" class="icon-button" aria-label="Full screen" onClick={full}>
          <Icon name="full" />
        </button>
      </div>
    </section>
  );
}
