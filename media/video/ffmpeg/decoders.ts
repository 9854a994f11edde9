/**
 * The decoders that ffmpeg and ffprobe may open for pictures and sound: what cameras, phones, editors, broadcast and
 * the web make. The many rare ones of a distribution's build stay closed, because most of ffmpeg's faults are in those.
 * Names of ffmpeg's decoders, which are not always those of the codecs.
 */
const PICTURE_DECODERS = [
  ...['h264', 'hevc', 'vp8', 'vp9', 'libdav1d', 'libaom-av1', 'av1'],
  ...['mpeg1video', 'mpeg2video', 'mpegvideo', 'mpeg4', 'h263', 'h263p', 'flv', 'theora'],
  ...['msmpeg4v1', 'msmpeg4v2', 'msmpeg4', 'wmv1', 'wmv2', 'wmv3', 'vc1', 'vp6', 'vp6f', 'vp6a'],
  ...['prores', 'dnxhd', 'dvvideo', 'mjpeg', 'ffv1', 'huffyuv', 'ffvhuff', 'rawvideo', 'v210', 'qtrle'],
  // Cover art: ffprobe opens the decoder of every stream, and ends where that is not allowed.
  ...['png', 'bmp', 'gif'],
];

const SOUND_DECODERS = [
  ...[
    'aac',
    'aac_latm',
    'mp3',
    'mp3float',
    'mp2',
    'mp2float',
    'mp1',
    'mp1float',
    'ac3',
    'eac3',
    'dca',
    'truehd',
    'mlp',
  ],
  ...['opus', 'libopus', 'vorbis', 'flac', 'alac', 'speex', 'libspeex', 'nellymoser'],
  ...['wmav1', 'wmav2', 'wmapro', 'wmalossless', 'wmavoice', 'amrnb', 'amrwb', 'gsm', 'gsm_ms', 'qdm2'],
  ...['pcm_alaw', 'pcm_mulaw', 'pcm_bluray', 'pcm_dvd', 'pcm_s8', 'pcm_u8', 'pcm_f32be', 'pcm_f32le', 'pcm_f64le'],
  ...['pcm_s16be', 'pcm_s16le', 'pcm_s24be', 'pcm_s24le', 'pcm_s32be', 'pcm_s32le', 's302m'],
  ...['adpcm_ms', 'adpcm_ima_wav', 'adpcm_ima_qt', 'adpcm_swf', 'adpcm_yamaha'],
];

/**
 * Options before an input. By kind of stream: subtitles are never decoded here, and data has no decoder, so that neither
 * makes a file fail.
 */
export const DECODER_OPTIONS = [
  ...['-codec_whitelist:v', PICTURE_DECODERS.join(',')],
  ...['-codec_whitelist:a', SOUND_DECODERS.join(',')],
];
