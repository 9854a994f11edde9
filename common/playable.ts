/** A stream that can be played while the rest of it is made. */
export interface Playable {
  /** Of its multivariant playlist, relative to the item's folder; the finished stream has the same one. */
  path: string;
  /** Where the public finds it, where the installation has such an address. */
  url?: string;
  /** How much of the film there is. */
  seconds: number;
}
