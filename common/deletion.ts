/** What is deleted with everything that it made, and what came of it. Types only: workflows import this file. */

export interface DeletionInput {
  batchId: string;
  /** One item; absent: all of the batch. */
  itemKey?: string;
  /** URI of the item's folder, for one that the server has forgotten. */
  output?: string;
}

export interface Deleted {
  /** Runs whose history was deleted. */
  runs: number;
  /** Files of the items, manifests included. */
  files: number;
}
