/**
 * The one error table. Every way in which a job can fail has a row here; a failure's `type` is a row's name.
 * Free of Node and of libraries, since workflows import it too.
 */

/** Who has to act: the person who sent the file (`input`) or the people who run Darkroom (`system`). */
export type Blame = 'input' | 'system';

interface ErrorRow {
  /** Does trying again without changing anything help? `counted`: perhaps, so only a few times. */
  readonly retryable: boolean | 'counted';
  readonly blame: Blame;
  /** HTTP status when the API answers with this failure. */
  readonly status: number;
  /** What it means, for the docs and the API reference. */
  readonly meaning: string;
  /** Headline of a failed item, on the page. */
  readonly title: string;
  /** What the reader of that headline can do. */
  readonly advice: string;
}

export const ERRORS = {
  UnsupportedMedia: {
    retryable: false,
    blame: 'input',
    status: 415,
    meaning: 'The file is of a type that Darkroom does not read.',
    title: 'Unsupported file type',
    advice: 'Send a JPEG, PNG, WebP, AVIF, MP4, MOV, WebM, MP3 or FLAC instead.',
  },
  CorruptMedia: {
    retryable: false,
    blame: 'input',
    status: 422,
    meaning: 'The file is damaged, cut short or empty.',
    title: 'The file is damaged',
    advice: 'Export or upload the file again.',
  },
  MediaTooLarge: {
    retryable: false,
    blame: 'input',
    status: 413,
    meaning: 'The file exceeds a limit (bytes, pixels, frames, duration, streams).',
    title: 'The file is too large',
    advice: 'Send a smaller file.',
  },
  SourceNotFound: {
    retryable: false,
    blame: 'input',
    status: 404,
    meaning: 'There is nothing at the source URI.',
    title: 'The file does not exist',
    advice: 'Check its address, or upload the file again.',
  },
  SourceForbidden: {
    retryable: false,
    blame: 'input',
    status: 403,
    meaning: 'The source is outside of what Darkroom may read, or its store refuses access.',
    title: 'No permission to read the file',
    advice: 'Ask for access to the place where the file lies.',
  },
  OutputForbidden: {
    retryable: false,
    blame: 'input',
    status: 403,
    meaning: 'The output is outside of where Darkroom may write, or its store refuses access.',
    title: 'No permission to write the results',
    advice: 'Choose another place for the results.',
  },
  InvalidJob: {
    retryable: false,
    blame: 'input',
    status: 400,
    meaning: 'The job is invalid: bad field, preset or URI.',
    title: 'Invalid job',
    advice: 'Correct the job and submit it again.',
  },
  Conflict: {
    retryable: false,
    blame: 'input',
    status: 409,
    meaning: 'The id is taken by another job.',
    title: 'The id is taken',
    advice: 'Choose another id for one of the two jobs.',
  },
  Quarantined: {
    retryable: false,
    blame: 'input',
    status: 422,
    meaning: 'The file killed its decoder, or worker after worker; the evidence is kept beside its outputs.',
    title: 'Quarantined',
    advice: 'The file crashes what reads it; the evidence is kept beside the outputs.',
  },
  Infected: {
    retryable: false,
    blame: 'input',
    status: 422,
    meaning: 'The virus scanner found malicious content in the file.',
    title: 'Malicious content',
    advice: 'Do not open the file; ask its sender.',
  },
  ScannerUnavailable: {
    retryable: true,
    blame: 'system',
    status: 503,
    meaning: 'The virus scanner could not be reached or could not check the file.',
    title: 'The virus scanner is not available',
    advice: 'Retry when the scanner is back.',
  },
  SourceUnavailable: {
    retryable: true,
    blame: 'system',
    status: 503,
    meaning: 'The source could not be read just now.',
    title: 'The source is not available',
    advice: 'Retry when the source is back.',
  },
  StorageUnavailable: {
    retryable: true,
    blame: 'system',
    status: 503,
    meaning: 'The store for outputs, or the scratch disk, could not be used just now.',
    title: 'The storage is not available',
    advice: 'Retry when the storage is back.',
  },
  WorkerBusy: {
    retryable: true,
    blame: 'system',
    status: 503,
    meaning: 'The worker could not take the item beside what it works on; another turn follows by itself.',
    title: 'Waiting for a worker',
    advice: 'Wait; another worker, or the same one later, takes the item.',
  },
  ModelUnavailable: {
    retryable: 'counted',
    blame: 'system',
    status: 503,
    meaning: 'A model could not be loaded.',
    title: 'The analysis is not available',
    advice: 'Ask the people who run Darkroom; the files are made without the analysis.',
  },
  SourceReplaced: {
    retryable: false,
    blame: 'input',
    status: 409,
    meaning: 'The source was replaced, several times, while the item was being processed.',
    title: 'The source kept changing',
    advice: 'Submit the item again when nothing writes to the file any more.',
  },
  ServerTooOld: {
    retryable: false,
    blame: 'system',
    status: 501,
    meaning: 'The Temporal server is of a version that lacks the operation.',
    title: 'Temporal is too old',
    advice: 'Ask the operators of Darkroom for a newer Temporal server.',
  },
  EncoderFailed: {
    retryable: 'counted',
    blame: 'system',
    status: 500,
    meaning: 'The encoder or decoder failed, hung or was killed; tried again a bounded number of times.',
    title: 'The encoder failed',
    advice: 'Retry; if the item fails again, report the failure to the operators of Darkroom.',
  },
  InternalError: {
    retryable: 'counted',
    blame: 'system',
    status: 500,
    meaning: 'A fault of Darkroom itself; tried again a bounded number of times.',
    title: 'An internal error',
    advice: 'Retry; if the item fails again, report the failure to the operators of Darkroom.',
  },
} as const satisfies Record<string, ErrorRow>;

export type ErrorType = keyof typeof ERRORS;

/** Names of the failures that Temporal's own, unlimited retries must not repeat. */
export const NOT_RETRIED_BY_SERVER: ErrorType[] = (Object.keys(ERRORS) as ErrorType[]).filter(
  (type) => ERRORS[type].retryable !== true,
);

/** Error text ends up in workflow history: no message or detail is longer than this, in characters. */
export const MAX_ERROR_TEXT = 4096;

/** Keeps the tail of a long text, because the cause stands at the end of what ffmpeg prints. */
export function tail(text: string, max = MAX_ERROR_TEXT): string {
  return text.length <= max ? text : `…${text.slice(text.length - max + 1)}`;
}

/** Machine-readable evidence beside the sentence: what was measured or printed. JSON values only. */
export type ErrorDetails = Record<string, string | number | boolean | undefined>;

/**
 * A failure with a row in the table. `message` is one sentence that the person who sent the file understands:
 * no stack, no path of this machine, no tool's jargon; those go into `details`.
 */
export class DarkroomError extends Error {
  override readonly name = 'DarkroomError';
  constructor(
    readonly type: ErrorType,
    message: string,
    readonly details: ErrorDetails = {},
    options?: ErrorOptions,
  ) {
    super(tail(message), options);
  }

  get retryable(): boolean {
    return ERRORS[this.type].retryable !== false;
  }

  /** HTTP status when the API answers with this failure. */
  get status(): number {
    return ERRORS[this.type].status;
  }
}

/** Says that there is nothing under a name. */
export function isSourceNotFound(error: unknown): error is DarkroomError {
  return error instanceof DarkroomError && error.type === 'SourceNotFound';
}

/** True for a name that has a row in the table. */
export function isErrorType(name: unknown): name is ErrorType {
  return typeof name === 'string' && Object.hasOwn(ERRORS, name);
}

/** The system error code (`ENOENT`, `ECONNRESET`, …) of a thrown value, where the value has one. */
export function codeOf(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | undefined)?.code;
  return typeof code === 'string' ? code : undefined;
}
