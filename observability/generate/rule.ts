/** A recording rule of Prometheus. */
export interface RecordingRule {
  record: string;
  expr: string;
  labels?: Record<string, string>;
  /** What it counts, and what it leaves out: a comment in the file, since Prometheus keeps no such text. */
  help?: string;
}

/** An alerting rule of Prometheus. */
export interface AlertRule {
  alert: string;
  expr: string;
  for?: string;
  labels: Record<string, string>;
  annotations: Record<string, string>;
}

export type Rule = RecordingRule | AlertRule;

/** One file for Prometheus's `rule_files`. */
export interface RuleFile {
  groups: { name: string; interval?: string; rules: Rule[] }[];
}

/** `page` wakes somebody, `ticket` waits for a working day. */
export type Severity = 'page' | 'ticket';

/** Where the page about an alert lies, from the root of the repository. */
export function runbookPath(alert: string): string {
  const page = alert.replace(/([a-z0-9])([A-Z])/g, '$1-$2').toLowerCase();
  return `docs/operations/runbooks/${page}.md`;
}
