import type { MediaPool } from './pools';

/** Bound of one attempt of an activity. `bySource`: see workflows/attempt-limit.ts. */
export type AttemptLimit = `${number}${'s' | 'm' | 'h'}` | 'bySource';

/**
 * The one table of media kinds. A kind's name is also the name of its section in a preset, and the value of the search
 * attribute MediaKind. Free of Node, since workflows import it.
 */
interface KindRow {
  /** Type of the workflow that processes one item. */
  readonly workflow: string;
  /** Activity that makes an item of the kind, or plans it. */
  readonly activity: string;
  /** Bound of one attempt of that activity. */
  readonly attempt: AttemptLimit;
  /** Pool of the item's activities, where the activity table does not name another. */
  readonly pool: MediaPool;
  /** The kind of a file of this kind that turns out to have no pictures. */
  readonly withoutPictures?: string;
  /** For sentences: "the preset is for videos only". */
  readonly plural: string;
  /** File name extensions, without the dot, by which a source is guessed that cannot be read from here. */
  readonly extensions: readonly string[];
}

export const KINDS = {
  image: {
    workflow: 'processImage',
    activity: 'makeImage',
    attempt: '30m',
    pool: 'image',
    plural: 'images',
    extensions: [],
  },
  video: {
    workflow: 'processVideo',
    activity: 'makeVideo',
    attempt: '1h',
    pool: 'video',
    plural: 'videos',
    withoutPictures: 'audio',
    extensions: 'mp4 m4v mov mkv webm avi mpg mpeg m2ts m2t mts ts wmv flv 3gp ogv mxf vob'.split(' '),
  },
  audio: {
    workflow: 'processAudio',
    activity: 'makeAudio',
    attempt: 'bySource',
    pool: 'video',
    plural: 'audio files',
    extensions: 'mp3 m4a m4b aac flac wav ogg oga opus mka weba'.split(' '),
  },
} as const satisfies Record<string, KindRow>;

export type MediaKind = keyof typeof KINDS;
export const MEDIA_KINDS = Object.keys(KINDS) as MediaKind[];
/** The kind of a source about which nothing is known. */
export const DEFAULT_KIND: MediaKind = 'image';

/** The kind that a workflow type processes; undefined for a workflow that processes no item. */
export function kindOfWorkflow(type: string | null | undefined): MediaKind | undefined {
  return MEDIA_KINDS.find((kind) => KINDS[kind].workflow === type);
}

/** What a file of this kind may turn out to be once it is opened: the kind itself first. */
export function possibleKinds(kind: MediaKind): MediaKind[] {
  const { withoutPictures }: KindRow = KINDS[kind];
  return [kind, ...MEDIA_KINDS.filter((other) => other === withoutPictures)];
}

/** The workflow types that process items. */
export const ITEM_WORKFLOWS = MEDIA_KINDS.map((kind) => KINDS[kind].workflow);
