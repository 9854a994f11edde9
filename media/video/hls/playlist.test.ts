import { multivariant, rates, readPlaylist } from './playlist';
import { soundGroups } from './sounds';

/** Bytes and seconds of segments; peak and average in bits a second. */
test.each<[string, [number, number][], number, number]>([
  [
    'even',
    [
      [600, 6],
      [600, 6],
    ],
    800,
    800,
  ],
  [
    'a heavy segment is the peak',
    [
      [600, 6],
      [1200, 6],
      [600, 6],
    ],
    1600,
    1067,
  ],
  [
    'a heavy end that is too short counts with its neighbour only',
    [
      [600, 6],
      [600, 2],
    ],
    1200,
    1200,
  ],
  [
    'short ones count together',
    [
      [600, 6],
      [600, 2],
      [600, 2],
      [60, 6],
    ],
    2400,
    930,
  ],
  ['one that is shorter than any target', [[50, 0.4]], 1000, 1000],
])('%s', (_, segments, peak, average) => {
  expect(rates(segments.map(([bytes, seconds]) => ({ bytes, seconds })))).toEqual({ peak, average });
});

test('the multivariant playlist, word by word, the lowest rate first', () => {
  const variant = {
    average: 1000,
    codec: 'avc1.64001f',
    width: 1280,
    height: 720,
    rate: 30_000 / 1001,
    range: 'SDR' as const,
  };
  const text = multivariant(
    [
      {
        ...variant,
        uri: 'video-720p/index.m3u8',
        peak: 2000,
        keyframes: { uri: 'video-720p/keyframes.m3u8', peak: 90 },
      },
      {
        ...variant,
        uri: 'video-360p/index.m3u8',
        peak: 1500,
        width: 640,
        height: 360,
        keyframes: { uri: 'video-360p/keyframes.m3u8', peak: 50 },
      },
    ],
    soundGroups([
      {
        track: { uri: 'audio/index.m3u8', header: { codecs: 'mp4a.40.2' }, peak: 100, average: 90 },
        channels: 2,
      },
    ]),
  );
  expect(text).toBe(`#EXTM3U
#EXT-X-VERSION:7
#EXT-X-INDEPENDENT-SEGMENTS
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="Sound",DEFAULT=YES,AUTOSELECT=YES,CHANNELS="2",URI="audio/index.m3u8"
#EXT-X-STREAM-INF:BANDWIDTH=1600,AVERAGE-BANDWIDTH=1090,CODECS="avc1.64001f,mp4a.40.2",RESOLUTION=640x360,FRAME-RATE=29.970,AUDIO="audio"
video-360p/index.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=2100,AVERAGE-BANDWIDTH=1090,CODECS="avc1.64001f,mp4a.40.2",RESOLUTION=1280x720,FRAME-RATE=29.970,AUDIO="audio"
video-720p/index.m3u8
#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=50,CODECS="avc1.64001f",RESOLUTION=640x360,URI="video-360p/keyframes.m3u8"
#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=90,CODECS="avc1.64001f",RESOLUTION=1280x720,URI="video-720p/keyframes.m3u8"
`);
});

test('variants of several codecs: those of one codec together, the most widely played first, and SDR before HDR', () => {
  const variant = (codec: string, peak: number, range: 'SDR' | 'PQ' | 'HLG' = 'SDR') => {
    const name = `${codec.slice(0, 4)}-${range}-${peak}`;
    const keyframes = { uri: `${name}/keyframes.m3u8`, peak: 5 };
    return { uri: name, peak, average: 1, codec, width: 640, height: 360, rate: 25, range, keyframes };
  };
  const [av1, avc, hevc] = ['av01.0.04M.10', 'avc1.64001f', 'hvc1.2.4.L90.90'];
  const lines = multivariant(
    [
      ...[variant(av1, 10, 'PQ'), variant(av1, 20, 'PQ'), variant(avc, 40), variant(hevc, 15, 'PQ')],
      ...[variant(avc, 30), variant(hevc, 12), variant(av1, 5)],
    ],
    [],
  ).split('\n');
  const order = ['avc1-SDR-30', 'avc1-SDR-40', 'hvc1-SDR-12', 'av01-SDR-5', 'hvc1-PQ-15', 'av01-PQ-10', 'av01-PQ-20'];
  expect(lines.filter((line) => /^\w/.test(line))).toEqual(order);
  const keyframes = lines.filter((line) => line.startsWith('#EXT-X-I-FRAME-STREAM-INF'));
  expect(keyframes.map((line) => /,VIDEO-RANGE=(\w+),URI="([^/]+)/.exec(line)?.slice(1))).toEqual(
    order.map((name) => [name.split('-')[1], name]),
  );
  expect(lines[lines.indexOf('hvc1-PQ-15') - 1]).toBe(
    '#EXT-X-STREAM-INF:BANDWIDTH=15,AVERAGE-BANDWIDTH=1,CODECS="hvc1.2.4.L90.90",RESOLUTION=640x360,FRAME-RATE=25.000,VIDEO-RANGE=PQ',
  );
  // Where all are SDR, as any player expects, no variant says so.
  expect(multivariant([variant(avc, 1)], [])).not.toContain('VIDEO-RANGE');
});

test('a playlist that breaks off is not read', () => {
  expect(readPlaylist('#EXTM3U\n#EXTINF:6.006000,\n00000.m4s\n#EXT-X-ENDLIST\n')).toEqual([
    { name: '00000.m4s', seconds: 6.006 },
  ]);
  expect(() => readPlaylist('#EXTM3U\n#EXTINF:6.006000,\n00000.m4s\n')).toThrow('no end');
});
