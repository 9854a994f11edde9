import { languageTag } from '../captions/languages';
import type { CaptionStream, MediaProbe } from '../types';

/** What ffprobe says of a stream, as far as it matters here. */
interface Stream {
  index: number;
  codec_type?: string;
  codec_name?: string;
  disposition?: { forced?: number; hearing_impaired?: number };
  tags?: Record<string, string | undefined>;
}

/** Tracks of text, in the order of the file; nothing where there are none. */
export function captionStreams(streams: readonly Stream[]): Pick<MediaProbe, 'captions'> {
  const all = streams.filter(({ codec_type }) => codec_type === 'subtitle');
  const captions = all.map(({ index, codec_name = '', disposition = {}, tags = {} }): CaptionStream => {
    const language = languageTag(tags['language']);
    return {
      ...{ index, codec: codec_name, ...(language && { language }) },
      ...(disposition.forced && { forced: true }),
      ...(disposition.hearing_impaired && { sdh: true }),
    };
  });
  return captions.length === 0 ? {} : { captions };
}
