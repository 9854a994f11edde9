import type { CodecName } from '../../media/video/codecs';

interface CodecFacts {
  /** As ffprobe calls the codec, its sample entry and its profile. */
  codec: string;
  tag: string;
  profile: string;
  /** As RFC 6381 calls it, and one such name to ask a browser for. */
  name: RegExp;
  example: string;
  /** Option that holds it to three threads, where ffmpeg's own does not. */
  threads?: string;
}

/** What is known of each codec from outside. */
export const CODEC_FACTS: Record<CodecName, CodecFacts> = {
  h264: { codec: 'h264', tag: 'avc1', profile: 'High', name: /^avc1\.6400[0-9a-f]{2}$/, example: 'avc1.64000d' },
  hevc: {
    ...{ codec: 'hevc', tag: 'hvc1', profile: 'Main', name: /^hvc1\.1\.6\.L\d+\.90$/, example: 'hvc1.1.6.L60.90' },
    threads: 'pools=3',
  },
  av1: {
    ...{ codec: 'av1', tag: 'av01', profile: 'Main', name: /^av01\.0\.\d\dM\.08$/, example: 'av01.0.00M.08' },
    threads: 'lp=3',
  },
  vp9: {
    ...{ codec: 'vp9', tag: 'vp09', profile: 'Profile 0', name: /^vp09\.00\.\d\d\.08$/, example: 'vp09.00.10.08' },
  },
};
