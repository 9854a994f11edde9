/** A job as a queue holds it. */
export interface Message {
  /** Names the workflow, so that a message that comes twice is one job: the queue's own id, kept by a replay. */
  id: string;
  /** JSON of a MediaJob. */
  body: string;
}

/** A queue that hands out each message until it is done. */
export interface JobSource<M extends Message = Message> {
  readonly name: 'redis' | 'sqs';
  /** Waits some seconds for messages; none: an empty list. Those that another consumer died over come again. */
  receive(signal: AbortSignal): Promise<M[]>;
  /** The message's job is started: it never comes again. */
  done(message: M): Promise<void>;
  /** Takes the message away to the dead letters, with the reason. */
  aside(message: M, reason: string): Promise<void>;
  close(): Promise<void>;
}

/** A message that was put aside. */
export interface DeadLetter {
  /** The message's id and why it was put aside. */
  name: string;
  /** Of the job's text. */
  bytes: number;
  /** Back into the queue under the id that the message had: a second replay is no second job. */
  replay: () => Promise<void>;
  drop: () => Promise<void>;
}

/** Something in a queue that keeps no consumer busy and does not go by itself. */
export interface Leftover {
  name: string;
  bytes: number;
  clear: () => Promise<void>;
}

/** What the maintenance does with a queue. */
export interface QueueUpkeep {
  /** The dead letters that are there now, each once; those that are put aside meanwhile are not among them. */
  deadLetters(): AsyncIterable<DeadLetter>;
  /** What consumers took and did not finish, and consumers that are gone. */
  leftovers(): AsyncIterable<Leftover>;
  close(): Promise<void>;
}
