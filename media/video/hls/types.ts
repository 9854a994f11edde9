/** A file of a stream. */
export interface HlsFile {
  /** Relative to the multivariant playlist. */
  path: string;
  /** Absolute path. */
  file: string;
  mime: string;
  bytes: number;
  /** Lower-case hex. */
  sha256: string;
}

/** A finished and checked stream. */
export interface HlsPackage {
  /** The multivariant playlist: to be published after everything else. */
  playlist: HlsFile;
  /** What it leads to, each playlist behind its segments. */
  files: HlsFile[];
  /** Media segments of all tracks. */
  segments: number;
  durationSeconds: number;
  /** Where the plan asks for one; to be published after everything else, too. */
  dash?: HlsFile;
}
