/** Captions from texts of all kinds, from containers, and as parts of a stream: real ffmpeg. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { clipFolder, ffmpeg, picture, settings, X264 } from '../../../test/support/clips';
import { makeOutputs } from '../make-outputs';
import { packageHls } from '../hls/package';
import { clipProbe } from '../plan/clip';
import { planVideo } from '../plan/plan';
import { probeVideo } from '../probe/probe';
import { makeCaptions, type Sidecar } from './captions';
import { readCues, toWebVtt } from './cues';
import { decodeCaptions } from './decode';
import { languageName, languageTag } from './languages';

const clips = clipFolder();
afterAll(clips.remove);
let count = 0;

function folder(): string {
  const outputDir = clips.at(`out ${count++}`);
  mkdirSync(outputDir);
  return outputDir;
}

const SRT =
  '1\r\n00:00:01,000 --> 00:00:02,500\r\n<i>Hello</i> & welcome\r\n\r\n2\r\n00:00:03,000 --> 00:00:04,000\r\n{\\an8}Above\r\n';
const ASS = `[Script Info]
Title: x
[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
Comment: 0,0:00:00.00,0:00:09.00,Default,,0,0,0,,not shown
Dialogue: 0,0:00:03.50,0:00:04.00,Default,,0,0,0,,{\\an8\\b1}Up, there{\\b0}
Dialogue: 0,0:00:01.00,0:00:02.50,Default,,0,0,0,,{\\i1}One{\\i0}\\Ntwo
Dialogue: 0,0:00:01.00,0:00:02.50,Default,,0,0,0,,{\\p1}m 0 0 l 100 0 100 100{\\p0}
`;

describe('readCues', () => {
  const shown = (text: string) => readCues(text).map(({ start, end, text, settings }) => [start, end, text, settings]);

  test('SRT, WebVTT and ASS: times, lines, places', () => {
    expect(shown(SRT)).toEqual([
      [1000, 2500, '<i>Hello</i> &amp; welcome', undefined],
      [3000, 4000, 'Above', 'line:0'],
    ]);
    expect(
      shown(
        'WEBVTT\n\nNOTE x\n\nSTYLE\n::cue { color: red }\n\nid\n00:01.000 --> 00:02.000 line:0 align:start region:a\na\nb\n',
      ),
    ).toEqual([[1000, 2000, 'a\nb', 'line:0 align:start']]);
    expect(shown(ASS)).toEqual([
      [1000, 2500, 'One\ntwo', undefined],
      [3500, 4000, 'Up, there', 'line:0'],
    ]);
  });

  test.each([
    ['<script>alert(1)</script>x', 'alert(1)x'],
    ['<b onclick="x">bold</b>', 'bold'],
    ['<i>open', 'open'],
    ['1 < 2 & 3 > 2 &lt;b&gt;', '1 &lt; 2 &amp; 3 &gt; 2 &lt;b&gt;'],
    ['a --> b', 'a --&gt; b'],
    ['a\u0000\u0007b\u2028c', 'a  b c'],
    ['<v Bob>said</v><c.red>so</c>', 'saidso'],
  ])('%j becomes words: %j', (text, wanted) => {
    expect(readCues(`WEBVTT\n\n00:01.000 --> 00:02.000\n${text}\n`)[0]?.text).toBe(wanted);
  });

  test('what is hostile is bounded: long lines, many cues, times that run backwards, nested braces', () => {
    const cue = (text: string, times = '00:00:01,000 --> 00:00:02,000') => `${times}\n${text}\n\n`;
    expect(readCues(cue('x'.repeat(1e6)))[0]?.text.length).toBeLessThanOrEqual(2000);
    expect(readCues(cue('<'.repeat(1e5)))[0]?.text.length).toBeLessThanOrEqual(2000);
    expect(readCues(cue('{'.repeat(1e5)))).toHaveLength(1);
    expect(readCues(cue('back', '00:00:02,000 --> 00:00:01,000'))).toEqual([]);
    expect(() => readCues(cue('x').repeat(60_000))).toThrow('more than 50000 cues');
    expect(() => readCues('MZ binary')).toThrow('are neither SRT, WebVTT nor ASS');
  });

  test('what is written is read back alike', () => {
    const cues = readCues(SRT);
    expect(readCues(toWebVtt(cues))).toEqual(cues);
  });
});

test.each([
  ['UTF-8', Buffer.from('Grüße'), undefined],
  ['UTF-16 with a mark', Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from('Grüße', 'utf16le')]), undefined],
  ['UTF-16 without', Buffer.from('Grüße', 'utf16le'), 'UTF-16'],
  ['UTF-16, big-endian', Buffer.from('\uFEFFGrüße', 'utf16le').swap16(), undefined],
  ['Latin-1', Buffer.from('Grüße', 'latin1'), 'Windows-1252'],
])('%s is told from its bytes', (_, bytes, guessed) => {
  const decoded = decodeCaptions(bytes);
  expect([decoded.text.replace('\uFEFF', ''), decoded.guessed]).toEqual(['Grüße', guessed]);
});

test('another encoding of 8 bits is refused, not garbled', () => {
  const cyrillic = Buffer.from([0xcf, 0xf0, 0xe8, 0xe2, 0xe5, 0xf2, 0x20, 0xec, 0xe8, 0xf0]);
  expect(() => decodeCaptions(cyrillic)).toThrow('save them as UTF-8');
});

test('languages: containers have three letters, streams two', () => {
  expect(['eng', 'fre', 'pt_BR', 'und', 'x"y'].map((text) => languageTag(text))).toEqual(['en', 'fr', 'pt-BR', undefined, undefined]); // prettier-ignore
  expect([languageName('de'), languageName('pt-BR')]).toEqual(['Deutsch', expect.stringContaining('rtugu') as string]);
});

describe('in videos', () => {
  let source: string;
  beforeAll(() => {
    writeFileSync(clips.at('en.srt'), SRT);
    writeFileSync(clips.at('de.ass'), ASS);
    const words =
      '-map 0 -map 1 -map 2 -c:s:0 srt -c:s:1 ass -metadata:s:s:0 language=eng -metadata:s:s:1 language=ger';
    source = ffmpeg(
      `${picture('160x90', 8)} -i ${clips.at('en.srt')} -i ${clips.at('de.ass')} ${words} -disposition:s:0 hearing_impaired -disposition:s:1 forced ${X264} -g 50`,
      clips.at('texts.mkv'),
    );
  });

  async function captions(part: { start?: number; end?: number } = {}, sidecars: Sidecar[] = [], file = source) {
    const whole = await probeVideo(file, { maxDuration: 3_600_000, maxStreams: 8 }, settings);
    const probe = clipProbe(whole, part);
    const step = { input: file, outputDir: folder(), probe, maxDuration: 3_600_000, settings };
    return { step, ...(await makeCaptions({ ...step, sidecars, embedded: true })) };
  }

  test('text tracks of a file become WebVTT with their language and flags', async () => {
    const { files, warnings } = await captions();
    expect(warnings).toEqual([]);
    expect(files.map(({ name, track }) => [name, track])).toEqual([
      ['captions-en-sdh', { language: 'en', label: 'English', sdh: true }],
      ['captions-de-forced', { language: 'de', label: 'Deutsch', forced: true }],
    ]);
    expect(readFileSync(files[0]?.file ?? '', 'utf8')).toContain(
      '00:00:01.000 --> 00:00:02.500\n<i>Hello</i> &amp; welcome',
    );
    expect(readFileSync(files[1]?.file ?? '', 'utf8')).toContain('Up, there');
  });

  test('those of a part are on the time of the part', async () => {
    const { files } = await captions({ start: 2, end: 3.5 });
    expect(readFileSync(files[0]?.file ?? '', 'utf8')).toBe(
      'WEBVTT\n\n00:00:00.000 --> 00:00:00.500\n<i>Hello</i> &amp; welcome\n\n00:00:01.000 --> 00:00:01.500\nAbove\n',
    );
  });

  test('MP4 text, a sidecar in Latin-1, and one that is no captions', async () => {
    const mp4 = ffmpeg(`-i ${source} -map 0:v -map 0:s:0 -c:v copy -c:s mov_text`, clips.at('texts.mp4'));
    writeFileSync(clips.at('fr.srt'), Buffer.from('1\n00:00:01,000 --> 00:00:02,000\nÉté chaud\n', 'latin1'));
    const { files, warnings } = await captions({}, [{ file: clips.at('fr.srt'), language: 'fr' }], mp4);
    expect(files.map(({ name }) => name)).toEqual(['captions-fr', 'captions-en-sdh']);
    expect(warnings).toEqual(['The captions for fr were read as Windows-1252.']);
    expect(readFileSync(files[0]?.file ?? '', 'utf8')).toContain('Été');
    await expect(captions({}, [{ file: mp4, language: 'fr' }])).rejects.toMatchObject({ type: 'UnsupportedMedia' });
  });

  test('a stream has them as a group of HLS and as sets of DASH; another reader finds the words in the segments', async () => {
    const { step, files } = await captions();
    const rungs = [{ name: 'a', height: 90, crf: 30, maxrate: 300, speed: 'ultrafast', audioBitrate: 64 }] as const;
    const plan = planVideo(step.probe, { audio: 'drop', rungs: [...rungs], hls: true, dash: true });
    const [made] = await makeOutputs({ ...step, plan, branches: ['rung:a'] });
    const [rung] = plan.rungs;
    if (!plan.hls || !rung || !made) throw new Error('no stream');
    const texts = files.flatMap(({ name, file, track }) => (track ? [{ name, file, track }] : []));
    const stream = await packageHls({
      ...step,
      hls: plan.hls,
      rungs: [{ plan: rung, file: made.file }],
      captions: texts,
    });
    const master = readFileSync(stream.playlist.file, 'utf8');
    expect(master).toContain(
      'TYPE=SUBTITLES,GROUP-ID="text",NAME="English (SDH)",LANGUAGE="en",DEFAULT=NO,AUTOSELECT=YES,FORCED=NO,CHARACTERISTICS="public.accessibility.transcribes-spoken-dialog,public.accessibility.describes-music-and-sound",URI="captions-en-sdh/index.m3u8"',
    );
    expect(master).toContain('NAME="Deutsch (forced)",LANGUAGE="de",DEFAULT=NO,AUTOSELECT=YES,FORCED=YES');
    expect(master).toMatch(/#EXT-X-STREAM-INF:.*SUBTITLES="text"/);
    const mpd = readFileSync(stream.dash?.file ?? '', 'utf8');
    expect(mpd).toMatch(/contentType="text" mimeType="text\/vtt" lang="en">\s*<Role [^>]*value="caption"/);
    expect(mpd).toContain('<BaseURL>captions-de-forced/captions.vtt</BaseURL>');
    const playlist = path.join(path.dirname(stream.playlist.file), 'captions-en-sdh', 'index.m3u8');
    const read = execFileSync(settings.ffmpegPath, [
      '-v',
      'error',
      '-allowed_extensions',
      'ALL',
      '-i',
      playlist,
      '-f',
      'srt',
      '-',
    ]);
    expect(read.toString()).toMatch(/00:00:01,000 --> 00:00:02,500\s+<i>Hello<\/i>/);
  });
});
