import { useRef, useState } from 'preact/hooks';
import type { Manifest, Rendition } from '../../../../common/contracts';
import { fileUrl } from '../api';
import { pictureFor } from '../lib/pictures';
import { Picture } from '../parts/picture';

/** The sound in any of its renditions, over its waveform: what was played is in full colour, and a click goes there. */
export function Listen({ id, manifest }: { id: string; manifest: Manifest }) {
  const audio = useRef<HTMLAudioElement>(null);
  const sounds = manifest.renditions.filter(({ role }) => role === 'audio');
  const [name, setName] = useState(sounds[0]?.name);
  const [played, setPlayed] = useState(0);
  const [problem, setProblem] = useState('');
  const sound = sounds.find((each) => each.name === name);
  const waveform = manifest.renditions.find(({ role, mime }) => role === 'waveform' && mime.startsWith('image/'));
  const cover = pictureFor(manifest, 320);
  const length = manifest.source.durationSeconds ?? 0;
  if (sound === undefined) return null;
  return (
    <section class="listen" aria-label="Audio">
      {cover && (
        <span class="cover">
          <Picture src={fileUrl(id, cover.path)} alt="Cover" placeholder={manifest.placeholder} eager />
        </span>
      )}
      <div class="listen-main">
        {waveform && (
          <Waveform
            src={fileUrl(id, waveform.path)}
            size={waveform}
            played={played}
            onSeek={(part) => {
              if (audio.current) audio.current.currentTime = part * length;
            }}
          />
        )}
        <div class="listen-controls">
          <audio
            ref={audio}
            controls
            preload="metadata"
            src={fileUrl(id, sound.path)}
            onTimeUpdate={(event) => setPlayed(length > 0 ? event.currentTarget.currentTime / length : 0)}
            onError={() => setProblem('This browser cannot play this file.')}
          />
          <label>
            <span class="hidden">Rendition</span>
            <select
              value={name}
              onChange={(event) => {
                setProblem('');
                setName(event.currentTarget.value);
              }}
            >
              {sounds.map((each) => (
                <option key={each.name} value={each.name}>
                  {each.name}
                </option>
              ))}
            </select>
          </label>
        </div>
        {problem && <p role="status">{problem}</p>}
        <p class="facts">{factsOf(manifest, sound)}</p>
      </div>
    </section>
  );
}

function Waveform(props: {
  src: string;
  size: Pick<Rendition, 'width' | 'height'>;
  /** 0 to 1. */
  played: number;
  onSeek: (part: number) => void;
}) {
  const { src, size, played, onSeek } = props;
  // The player's own slider does the same for those who use no pointer.
  return (
    <div
      class="waveform"
      onClick={(event) => {
        const { left, width } = event.currentTarget.getBoundingClientRect();
        onSeek((event.clientX - left) / width);
      }}
    >
      <img src={src} alt="Waveform" width={size.width} height={size.height} />
      <img src={src} alt="" style={{ clipPath: `inset(0 ${100 * (1 - played)}% 0 0)` }} />
    </div>
  );
}

function factsOf({ source }: Manifest, { audio }: Rendition): string {
  const lufs = (loudness: { integrated: number } | undefined) =>
    loudness === undefined ? undefined : `${loudness.integrated.toFixed(1)} LUFS`;
  const [before, after] = [lufs(source.audio?.loudness), lufs(audio?.loudness)];
  const channels = source.audio?.channels;
  return [
    channels !== undefined && `${channels} ${channels === 1 ? 'channel' : 'channels'}`,
    source.audio && `${source.audio.sampleRate / 1000} kHz`,
    before !== undefined && (after === undefined ? before : `loudness ${before}, brought to ${after}`),
  ]
    .filter(Boolean)
    .join('  ·  ');
}
