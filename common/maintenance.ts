import { KINDS } from './kinds';

/**
 * The one table of maintenance steps, and the input and result of the workflow that runs them. Free of Node, since
 * workflows import it; the functions are in `activities/maintenance/`, which does not compile while one is missing.
 */
export const MAINTENANCE_STEPS = {
  store: 'files that no manifest names and no open run needs, and uploads to S3 that never ended',
  uploads: 'uploaded files that are older than DARKROOM_UPLOADS_AGE and no open job needs, and broken-off uploads',
  database: 'closed runs past their retention, workflows and schedules of the server that wait for nothing',
  queue: 'dead letters of the Redis stream or SQS queue of jobs, and messages that nobody finished',
  scratch: 'work files of dead workers, on the machine of the worker that takes the step',
  index: 'entries of the index of finished work whose outputs are gone',
  quarantine: 'evidence against inputs that is older than DARKROOM_QUARANTINE_AGE',
} as const;

export type MaintenanceStep = keyof typeof MAINTENANCE_STEPS;
export const MAINTENANCE_STEP_NAMES = Object.keys(MAINTENANCE_STEPS) as MaintenanceStep[];

/** What the Schedule starts. */
export const SCHEDULED_MAINTENANCE = 'scheduledMaintenance';
/** Every type of workflow of Darkroom; a test compares them with the bundle. */
export const WORKFLOW_TYPES: readonly string[] = [
  ...Object.values(KINDS).map(({ workflow }) => workflow),
  ...[
    'notify',
    'notifyBatch',
    'maintenance',
    SCHEDULED_MAINTENANCE,
    'reprocess',
    'settleCampaign',
    'deletion',
    'changeBatch',
  ],
];

/** What a cleanup does with dead letters of the queue of jobs. */
export const DEAD_LETTERS = ['keep', 'replay', 'drop'] as const;
export type DeadLetters = (typeof DEAD_LETTERS)[number];

export interface MaintenanceInput {
  /** False: steps count what they would remove, and remove nothing. */
  cleanup: boolean;
  steps: MaintenanceStep[];
  /** Default: keep. */
  deadLetters?: DeadLetters;
}

/** What a step has found so far. */
export interface StepTally {
  /** Files, folders and uploads that are not needed. */
  found: number;
  removed: number;
  /** Of what was found. Parts of unfinished uploads are not counted. */
  bytes: number;
  /** The first hundred of what was found. */
  examples: string[];
  /** One sentence about what the figures do not say. */
  note?: string;
}

export interface StepResult extends StepTally {
  step: MaintenanceStep;
  /** One sentence; absent: the step has reached its end. */
  error?: string;
}

export interface MaintenanceResult {
  cleanup: boolean;
  /** Absent: keep. */
  deadLetters?: DeadLetters;
  steps: StepResult[];
}

/** Id of the workflow: two runs at once are one. */
export function maintenanceId(queuePrefix: string): string {
  return `maintenance/${queuePrefix}`;
}
