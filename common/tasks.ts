import type { Findings } from './analysis';
import type { ItemResult, Placeholder, Rendition, SourceFacts } from './contracts';
import type { Receipt } from './receipts';

/**
 * Work planned as data: a flat list, made once by an activity, run by one small runner in the workflow. There are no
 * conditions and no loops in a plan. Types only: workflows import this file.
 */

/** One activity of a planned item. */
export interface Task {
  /** Unique in the plan, and the step's name for people: `encode 720p`. */
  id: string;
  activity: TaskActivity | 'analyse';
  /** Names of the outputs that the task makes, as the plan knows them. */
  outputs: string[];
  /** Ids of the tasks that have to end first. */
  after: string[];
  /** Goes before what else of the item waits: with it, a stream can be played. */
  first?: true;
  /** Estimated CPU seconds; the tasks of a plan are of similar cost. */
  cost: number;
}

/** Activities that take a {@link TaskInput}. */
export type TaskActivity =
  'makeSound' | 'makeSoundHead' | 'makeOutputs' | 'makeChunk' | 'joinRung' | 'packageStream' | 'publishOutputs';

/** A planned item as it passes through workflow history: ids and names, while the facts lie in storage. */
export interface PlanRef {
  /** URI of the item's plan: `<output>/.work/<run id>/plan.json`. */
  plan: string;
  tasks: Task[];
  /** Of a video in chunks: how many of them may wait or run at once, so that other items have their turn between. */
  window?: number;
  /** Of a video in chunks: the folder of its stream, relative to the item's, which grows while the chunks are made. */
  stream?: string;
  /** Bounds the attempts of the tasks. */
  source: Pick<SourceFacts, 'bytes' | 'durationSeconds'>;
}

/** What an activity of a plan gets. */
export interface TaskInput {
  plan: string;
  task: Pick<Task, 'id' | 'outputs' | 'cost'>;
  /** Results of the tasks in `after`, by id. */
  results: Record<string, TaskResult>;
}

/** What an activity of a stream that grows gets: the sound, and chunks that came since the last time. */
export type GrowthInput = Pick<TaskInput, 'plan' | 'results'>;

/** A file between two tasks, under `<output>/.work/<run id>/`. */
export interface WorkFile {
  name: string;
  uri: string;
  bytes: number;
  /** Lower-case hex. */
  sha256: string;
}

/** What an activity of a plan returns. */
export interface TaskResult {
  /** Published files. */
  renditions: Rendition[];
  /** Files for later tasks. */
  files?: WorkFile[];
  placeholder?: Placeholder;
  /** What the task cost, by the id that its files name. */
  receipts?: Record<string, Receipt>;
  /** Of the poster. */
  findings?: Findings;
  /** Of a chunk: which attempt made it, from 1. */
  attempt?: number;
  /** Of the task that publishes the item. */
  result?: ItemResult;
}
