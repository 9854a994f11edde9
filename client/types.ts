/** Shapes of the API. Made from its OpenAPI document by `npm run client:types`. */

export type Batch = {
  /** The id */
  id: string;
  /** Items */
  items: number;
  /** paused + waiting + running */
  open: number;
  /** Items that are paused */
  paused: number;
  /** Items in a queue, an estimate */
  waiting: number;
  /** Items at work, an estimate */
  running: number;
  /** Items that succeeded */
  succeeded: number;
  /** Items that failed */
  failed: number;
  /** Items that were cancelled */
  cancelled: number;
  /** Items completed a second, lately */
  itemsPerSecond: number;
  /** Seconds until the open items are done, at the present rate */
  etaSeconds?: number;
  latencyMs: Latency;
  /** Queues with work that no worker serves */
  unserved: string[];
  /** When its last item ended (ISO 8601) */
  lastClosedAt?: string;
  /** Addresses of what belongs to it */
  links: Record<string, string>;
};

export type BatchPage = {
  /** One page of batches */
  batches: {
    /** The id */
    id: string;
    /** Items */
    items: number;
    /** Items that are paused, wait or run */
    open: number;
    /** Items that succeeded */
    succeeded: number;
    /** Items that failed */
    failed: number;
    /** Items that were cancelled */
    cancelled: number;
    /** When its newest job began if one is open, else when its last one ended */
    lastActivityAt: string;
    /** Addresses of what belongs to it */
    links: Record<string, string>;
  }[];
  /** The cursor of the next page; a page may have fewer batches than asked for */
  next?: string;
};

export type Campaign = {
  /** Also of the batch that its items form */
  id: string;
  /** Addresses of what belongs to it */
  links: Record<string, string>;
  /** Name of the preset */
  preset: string;
  /** When it began (ISO 8601) */
  startedAt: string;
  /** When its last run ended (ISO 8601) */
  closedAt?: string;
  /** What it does, or how it ended */
  phase: 'canary' | 'awaiting approval' | 'running' | 'completed' | 'stopped' | 'cancelled';
  /** true: no further item is made until it is resumed */
  paused: boolean;
  /** Why it stopped by itself */
  reason?: string;
  /** Items that were made again */
  made: number;
  /** Items that failed */
  failed: number;
  /** Items that were left as they are */
  passedOver: number;
  /** Bytes of the old outputs */
  bytesBefore: number;
  /** Bytes of the new outputs */
  bytesAfter: number;
  /** CPU seconds of the programs that made the outputs */
  cpuSeconds: number;
  /** Items whose new outputs were compared with the old ones */
  compared: number;
  /** The lowest of the resemblances that were found, 0 to 1 */
  lowestSsim?: number;
  /** Compared items, those that resemble their old ones least first */
  pairs: {
    /** Id of the old job */
    old: string;
    /** Id of the job that made it again; once adopted, the old job has its outputs */
    made: string;
    /** Structural similarity, 0 to 1 */
    ssim: number;
    /** Bytes of the old outputs */
    bytesBefore: number;
    /** Bytes of the new outputs */
    bytesAfter: number;
  }[];
  /** What was decided in the end */
  settled?: {
    /** rollback: the old outputs are back; keep: they are given up */
    how: 'rollback' | 'keep';
    /** Absent until all of them are changed */
    items?: number;
  };
};

export type CampaignPage = {
  /** One page of campaigns */
  campaigns: Campaign[];
  /** The cursor of the next page; a page may have fewer campaigns than asked for */
  next?: string;
};

export type Changed = {
  /** Runs that got the request */
  changed: number;
  /** Runs that had ended before it came */
  already: number;
  /** Of a pause: runs with a step under way, which runs to its end */
  running?: number;
  /** Of a restart: steps that begin again */
  steps?: number;
  /** Of a campaign's batch: true where the campaign is open and got the request too */
  campaign?: boolean;
  /** What goes on by itself: see GET …/operations/:operation */
  operation?: Operation;
};

export type Deleted = {
  /** completed: everything is deleted */
  state: 'running' | 'completed';
  /** Runs whose history was deleted */
  runs?: number;
  /** Files that were deleted, manifests included */
  files?: number;
};

export type Duplicates = {
  /** The largest first; 100 at most */
  groups: {
    /** Pictures of the group */
    size: number;
    /** The picture of the largest source first; 24 at most */
    items: {
      /** The id */
      id: string;
      /** URI of the file */
      source?: string;
      /** The smallest picture of it */
      thumbnail?: {
        /** Address on this server */
        href: string;
        /** In pixels */
        width?: number;
        /** In pixels */
        height?: number;
      };
      /** What stands for the picture until it has loaded */
      placeholder?: {
        /** A tiny picture, base64 (ThumbHash) */
        thumbhash: string;
        /** The dominant colour */
        dominant: string;
      };
      /** Bits that differ from the first of the group */
      distance: number;
    }[];
  }[];
  /** Groups in all */
  total: number;
  /** Images that were looked at */
  items: number;
  /** Images among them without a hash: plain ones, and those of older manifests */
  unhashed: number;
  /** False where five seconds did not do for all images: the same request again goes on from there */
  complete: boolean;
};

export type ItemPage = {
  /** Items */
  items: {
    /** The id */
    id: string;
    /** Id of the batch */
    batch: string;
    /** Id of its latest run, as NDJSON answers have it */
    run: string;
    /** The state */
    state: 'open' | 'succeeded' | 'failed' | 'cancelled' | 'paused';
    /** image, video or audio */
    kind: string;
    /** Name of the preset */
    preset: string;
    /** URI of the file */
    source?: string;
    /** When it began (ISO 8601) */
    startedAt: string;
    /** When its last run ended (ISO 8601) */
    closedAt?: string;
    /** Bytes of the source */
    bytesIn?: number;
    /** Bytes of all published files together */
    bytesOut?: number;
    /** Of the programs that made its outputs, as its receipts say */
    cpuSeconds?: number;
    /** Why it failed */
    error?: {
      /** The type */
      type: string;
      /** One sentence for people */
      message: string;
    };
    /** The smallest picture of it */
    thumbnail?: {
      /** Address on this server */
      href: string;
      /** In pixels */
      width?: number;
      /** In pixels */
      height?: number;
    };
    /** What stands for the picture until it has loaded */
    placeholder?: {
      /** A tiny picture, base64 (ThumbHash) */
      thumbhash: string;
      /** The dominant colour */
      dominant: string;
    };
    /** Addresses of what belongs to it */
    links: Record<string, string>;
  }[];
  /** The cursor of the next page; a page may have fewer items than asked for */
  next?: string;
};

export type Job = {
  /** The id */
  id: string;
  /** Id of the batch */
  batch: string;
  /** What a submission did */
  submitted?: 'started' | 'joined' | 'skipped';
  /** The state */
  state: 'queued' | 'running' | 'paused' | 'succeeded' | 'failed' | 'cancelled';
  /** image, video or audio */
  kind: string;
  /** Name of the preset */
  preset: string;
  /** Whose it is */
  tenant: string;
  /** URI of the file */
  source?: string;
  /** When it began (ISO 8601) */
  startedAt: string;
  /** When its last run ended (ISO 8601) */
  closedAt?: string;
  /** The most attempts that any of its steps has taken */
  attempt: number;
  /** 1 to 5; 1 is served first */
  priority?: number;
  /** What its last run does now */
  progress?: {
    /** The state */
    state: 'running' | 'paused';
    /** What it does now, in words */
    step: string;
    /** Progress, 0 to 100 */
    percent: number;
    /** The steps */
    steps: {
      /** The name */
      name: string;
      /** The state */
      state: string;
      /** Attempts so far */
      attempts: number;
    }[];
    /** Of a video in chunks */
    chunks?: {
      /** By the rungs that are encoded together */
      groups: {
        /** Names of rungs */
        rungs: string;
        /** A letter for each chunk in the order of the video: w waits, r runs, d done, f failed; R and D of a later attempt */
        states: string;
      }[];
    };
    /** Attempts of encoders that failed */
    encoderFailures: number;
    /** Attempts that failed by no fault of the file */
    systemFailures?: number;
  };
  /** Of a long video that is still made: its stream, which can be played already, and which grows */
  playable?: {
    /** Address on this server */
    href: string;
    /** Path of the file below the item */
    path: string;
    /** Where the public finds it, where the installation has such an address */
    url?: string;
    /** How much of the film there is; absent where no worker answers */
    seconds?: number;
  };
  /** Steps that run or wait for a worker */
  pending: {
    /** Name of the activity in Temporal */
    activity: string;
    /** Jobs that were started */
    started: boolean;
    /** Which attempt it is, from 1 */
    attempt: number;
    /** Message of the attempt before */
    lastFailure?: string;
  }[];
  /** Why it failed */
  error?: {
    /** The type */
    type: string;
    /** One sentence for people */
    message: string;
  };
  /** manifest.json, once it succeeded */
  manifest?: {
    /** Version of the format */
    version: number;
    [more: string]: unknown;
  };
  /** Addresses of what belongs to it */
  links: Record<string, string>;
};

export type Latency = {
  /** ms within which half of them were done */
  p50?: number;
  /** ms within which 95 of 100 were done */
  p95?: number;
  /** ms within which 99 of 100 were done */
  p99?: number;
  /** Items that the figures are of */
  sample: number;
};

export type Maintenance = {
  /** The latest first */
  runs: {
    /** When it began (ISO 8601) */
    startedAt: string;
    /** Absent while the maintenance runs (ISO 8601) */
    endedAt?: string;
    /** true: it removed what it found; absent as long as `steps` */
    cleanup?: boolean;
    /** Absent while the maintenance runs, and where it was ended from outside */
    steps?: {
      /** Name of the step */
      step: 'store' | 'uploads' | 'database' | 'queue' | 'scratch' | 'index' | 'quarantine';
      /** Files and entries that are not needed */
      found: number;
      /** Of what was found */
      removed: number;
      /** Of what was found */
      bytes: number;
      /** One sentence about what the figures do not say */
      note?: string;
      /** One sentence; absent: the step has reached its end */
      error?: string;
    }[];
  }[];
  /** When the next one is due (ISO 8601); absent without a Schedule */
  nextAt?: string;
};

export type NewBatch = {
  /** Id of the batch; made up where missing. With keys, the answer has it with the tenant before it. */
  id?: string;
  /** Name of the preset */
  preset?: string;
  /** URI prefix of the outputs */
  output?: string;
  /** Called once when every job of the batch has ended, with the counts */
  callbackUrl?: string;
  /** 1 to 5; 1 is served first */
  priority?: 1 | 2 | 3 | 4 | 5;
  /** Each as the body of POST /v1/jobs */
  jobs: NewJob[];
};

export type NewCampaign = {
  /** Name of the preset to make them by */
  preset: string;
  /** Completed items that all of this holds for */
  where: {
    /** Name of the preset */
    preset?: string;
    /** Id of the batch; made up where missing. With keys, the answer has it with the tenant before it. */
    batch?: string;
    /** image, video or audio */
    kind?: 'image' | 'video' | 'audio';
  };
  /** Items that are made first, beside the old ones */
  canary?: number;
  /** Items that are made at the same time */
  atOnce?: number;
  /** CPU seconds of all items, after which no further one is made */
  budgetCpuSeconds?: number;
  /** Lowest resemblance of new and old outputs (SSIM), 0 to 1 */
  minSsim?: number;
  /** Most bytes of the new outputs, as a multiple of the old ones */
  maxBytesRatio?: number;
  /** Most failures, as a share of the items, 0 to 1 */
  maxFailures?: number;
  /** true: a canary whose figures are within the bounds needs no approval */
  approvesItself?: boolean;
};

export type NewJob = {
  /** The id */
  id?: string;
  /** image, video or audio */
  kind?: 'image' | 'video' | 'audio';
  /** URI of the file */
  source: string;
  /** URI prefix of the outputs */
  output?: string;
  /** Name of a preset, or a preset itself, as a file of presets holds it */
  preset?: string | Record<string, unknown>;
  /** Fields of image renditions that replace those of the preset, such as quality */
  options?: Record<string, unknown>;
  /** Files that belong to the source: captions of a video, as SRT, WebVTT or ASS */
  inputs?: {
    /** What the file is for */
    role: 'captions';
    /** RFC 5646 */
    language: string;
    /** URI of the file */
    source: string;
    /** Only what everybody has to read, such as signs */
    forced?: boolean;
    /** For the deaf and hard of hearing */
    sdh?: boolean;
  }[];
  /** What matters in the picture, in fractions of the upright picture */
  focus?: {
    /** Of the width: the point, or the left edge of a box */
    x: number;
    /** Of the height: the point, or the upper edge of a box */
    y: number;
    /** Of the width: how wide the box is */
    width?: number;
    /** Of the height: how high the box is */
    height?: number;
  };
  /** 1 to 5; 1 is served first */
  priority?: 1 | 2 | 3 | 4 | 5;
  /** Whose it is */
  tenant?: string;
  /** Texts of the caller, which come back in the manifest and in webhooks */
  metadata?: Record<string, string>;
  /** Called with a signed POST at the end */
  callbackUrl?: string;
  /** Id of the batch that the job belongs to; `jobs` where missing */
  batch?: string;
};

export type Operation = {
  /** The id */
  id: string;
  /** The state */
  state: 'running' | 'completed' | 'failed';
  /** Jobs that it is about; 0 while they are counted */
  total: number;
  /** Jobs that are changed already */
  done: number;
  /** Jobs that could not be changed, most often since they ended before */
  failed: number;
};

export type Presets = {
  /** The presets */
  presets: {
    /** The name */
    name: string;
    [more: string]: unknown;
  }[];
  /** Presets with a mistake in their file; absent where there is none */
  broken?: {
    /** The name */
    name: string;
    /** One sentence for people */
    detail: string;
  }[];
};

export type Priority = {
  /** 1 is served first */
  priority: 1 | 2 | 3 | 4 | 5;
};

export type Problem = {
  /** The type */
  type: string;
  /** What the code means */
  title: string;
  /** The status */
  status: number;
  /** One sentence for people */
  detail: string;
  /** A row of the error table, or a problem of the request */
  code: string;
  /** Figures and names that belong to the mistake */
  details?: Record<string, unknown>;
};

export type Queues = {
  /** When the queues were looked at (ISO 8601) */
  at: string;
  /** Items open now; absent: Temporal does not answer */
  open?: number;
  /** Of the open items, those that are paused; absent: not known */
  paused?: number;
  /** One entry a task queue; empty: Temporal does not answer */
  queues: {
    /** Name of the task queue */
    name: string;
    /** Pool that the queue belongs to */
    pool: 'workflows' | 'image' | 'video' | 'models';
    /** Tasks that no worker has taken yet */
    waiting: number;
    /** Seconds that the oldest of them has waited; absent: nothing waits */
    oldestSeconds?: number;
    /** Workers that asked for work lately, or that run something */
    workers: number;
    /** Tasks that run now; absent: not known */
    running?: number;
    /** Tasks that all workers together can run at once; absent: not known */
    slots?: number;
    /** Tasks given to workers per second, averaged over about 30 s */
    perSecond: number;
  }[];
  /** Why work waits, as `npm run doctor -- backlog` finds; empty: it does not */
  findings: {
    /** Name of the cause, for programs */
    cause:
      | 'temporal-away'
      | 'temporal-slow'
      | 'misnamed-queue'
      | 'no-workers'
      | 'rate-limit'
      | 'slow-downstream'
      | 'stuck-step'
      | 'poison-item'
      | 'too-few-slots'
      | 'unexplained';
    /** The cause, in words */
    title: string;
    /** The task queue that the cause holds back; absent: all of them */
    queue?: string;
    /** What was measured, a line each */
    evidence: string[];
    /** Commands and steps that remove the cause */
    mend: string[];
  }[];
};

export type Retried = {
  /** Jobs that run again */
  restarted: number;
  /** Runs that had ended before */
  already: number;
  /** What goes on by itself: see GET …/operations/:operation */
  operation?: Operation;
};

export type Session = {
  /** Of the key */
  name: string;
  /** Whose jobs are seen; absent where nobody has keys */
  tenant?: string;
  /** When a session of the page ends by itself */
  sessionEnds?: string;
  /** true: the key may see what concerns the whole installation; absent for others */
  operator?: true;
};

export type Steps = {
  /** The steps */
  steps: {
    /** The name */
    name: string;
    /** cancelled: the job ended before the step had a result */
    state: 'waiting' | 'running' | 'done' | 'failed' | 'cancelled';
    /** Attempts so far */
    attempts: number;
    /** When it was asked for (ISO 8601) */
    scheduledAt: string;
    /** Of the last attempt */
    startedAt?: string;
    /** When it ended (ISO 8601) */
    endedAt?: string;
  }[];
};

export type SubmittedBatch = {
  /** The id */
  id: string;
  /** Jobs that were started */
  started: number;
  /** Jobs that were open already */
  joined: number;
  /** Jobs whose outputs were there already */
  skipped: number;
  /** Jobs that were refused */
  rejected: number;
  /** Jobs that are the same as one before them in the list, which stands for both */
  duplicates: number;
  /** The jobs that were taken, by their place in the list, from 0 */
  jobs: {
    /** Place in the list, from 0 */
    index: number;
    /** The id */
    id: string;
    /** The status */
    status: 'started' | 'joined' | 'skipped' | 'duplicate';
    /** Of a duplicate: the place of the job that stands for both */
    of?: number;
  }[];
  /** The jobs that were refused, by their place in the list, from 0 */
  errors: {
    /** Place in the list, from 0 */
    index: number;
    error: Problem;
  }[];
  /** Addresses of what belongs to it */
  links: Record<string, string>;
};

export type Throughput = {
  /** Minutes, the oldest first */
  minutes: {
    /** Begin of the minute */
    at: string;
    /** Items that succeeded */
    succeeded: number;
    /** Items that failed */
    failed: number;
    /** Items open at its end */
    backlog: number;
  }[];
  /** Items open now */
  open: number;
  /** Items completed a second, over the last minute */
  itemsPerSecond: number;
  /** From submit to published, of the last `sample` items that completed */
  latencyMs: Latency;
};

export type Upload = {
  /** URI of the file */
  source: string;
  /** Size in bytes */
  bytes: number;
  /** The name */
  name: string;
};

export type UploadOffset = {
  /** Bytes of the file that are here */
  offset: number;
  /** The name */
  name: string;
};
