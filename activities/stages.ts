import type { Metrics } from '../common/metrics';
import { inSpan, openSpan, type SpanOptions } from '../common/traces';

/** The stages of one attempt, in the metric table's sense: each is timed, counted and a span of its trace. */
export class Stages {
  /** ms by stage so far. */
  readonly timings: Record<string, number> = {};

  constructor(private readonly metrics: Metrics) {}

  /** @param bytesOf what the stage read or wrote, for its span */
  async run<T>(stage: string, format: string, work: () => Promise<T>, bytesOf?: (result: T) => number): Promise<T> {
    return inSpan(...spanOf(stage, format), async (span) => {
      const started = performance.now();
      const result = await work();
      const elapsed = performance.now() - started;
      this.timings[stage] = Math.round((this.timings[stage] ?? 0) + elapsed);
      this.metrics.darkroom_stage_duration_seconds.observe({ stage, format }, elapsed / 1000);
      if (bytesOf !== undefined) span.set({ 'darkroom.bytes': bytesOf(result) });
      return result;
    });
  }

  /** A stage of a child process, told by it afterwards. @param start ms since the epoch */
  ran(stage: string, format: string, start: number, ms: number, bytes?: number): void {
    this.metrics.darkroom_stage_duration_seconds.observe({ stage, format }, ms / 1000);
    const [name, options] = spanOf(stage, format);
    const span = openSpan(name, { ...options, start });
    span.set({ 'darkroom.bytes': bytes });
    span.end(start + ms);
  }
}

function spanOf(stage: string, format: string): [string, SpanOptions] {
  return [`${stage} ${format}`, { attributes: { 'darkroom.stage': stage, 'darkroom.format': format } }];
}
