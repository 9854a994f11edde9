import type { AudioPreset } from '../presets/schema';
import { audioCodec } from './codecs';
import type { AudioPlan, AudioProbe, Layout } from './types';

/** Channels of each layout. */
export const CHANNELS: Record<Layout, number> = { mono: 1, stereo: 2, '5.1': 6 };

/**
 * Which files to make of a sound: pure. Channels are taken away and never added: one stays one, and what has six or more
 * becomes 5.1 or less.
 */
export function planAudio(probe: AudioProbe, preset: AudioPreset): AudioPlan {
  const layout = layoutFor(probe.facts.channels, preset.channels);
  return {
    layout,
    ...(preset.loudness && { target: preset.loudness }),
    sounds: preset.renditions.map(({ name, codec, bitrate }) => ({
      ...{ name, codec },
      kbps: Math.min((bitrate * CHANNELS[layout]) / 2, audioCodec(codec).maxKbpsPerChannel * CHANNELS[layout]),
    })),
    ...(preset.waveform && { waveform: preset.waveform }),
    wantsCover: preset.poster !== undefined && probe.cover !== undefined,
    tags: preset.metadata === 'keep' ? probe.tags : {},
  };
}

function layoutFor(channels: number, wanted: AudioPreset['channels']): Layout {
  if (channels === 1 || wanted === 'mono') return 'mono';
  return channels >= CHANNELS['5.1'] && wanted === 'surround' ? '5.1' : 'stereo';
}
