import { DashboardBuilder, RowBuilder, ConstantVariableBuilder } from '@grafana/grafana-foundation-sdk/dashboard';
import type { Dashboard, DashboardLink, Panel } from '@grafana/grafana-foundation-sdk/dashboard';
import { DashboardLinkBuilder } from '@grafana/grafana-foundation-sdk/dashboard';
import { DataqueryBuilder } from '@grafana/grafana-foundation-sdk/prometheus';
import { PanelBuilder as StatBuilder } from '@grafana/grafana-foundation-sdk/stat';
import { PanelBuilder as TimeSeriesBuilder } from '@grafana/grafana-foundation-sdk/timeseries';
import { runbookPath } from '../generate/rule';

/** Units by Grafana's names. */
export type Unit = 's' | 'short' | 'bytes' | 'Bps' | 'ops' | 'percentunit' | 'none' | 'bool_yes_no' | 'reqps';

/** One panel: what it shows, and what a bad value of it means. */
export interface PanelSpec {
  title: string;
  unit: Unit;
  /** What a bad value looks like and what it means, for somebody who was just woken. */
  bad: string;
  /** The alert whose runbook helps. */
  runbook: string;
  /** Legend and query. */
  queries: Record<string, string>;
  /** `stat`: one figure now; default: a line over time. */
  kind?: 'stat';
}

export interface DashboardSpec {
  uid: string;
  title: string;
  description: string;
  rows: Record<string, PanelSpec[]>;
}

/** Grafana's grid is 24 wide. */
const STAT = { width: 6, height: 4 } as const;
const LINES = { width: 12, height: 8 } as const;

/** The dashboard as Grafana imports it. Runbook links start with the constant `runbooks`, to be set to where the repository is read. */
export function dashboard(spec: DashboardSpec): Dashboard {
  const builder = new DashboardBuilder(spec.title)
    .uid(spec.uid)
    .description(spec.description)
    .tags(['darkroom'])
    .refresh('30s')
    .time({ from: 'now-1h', to: 'now' })
    .withVariable(new ConstantVariableBuilder('runbooks').label('Runbooks').value(''));
  for (const [row, panels] of Object.entries(spec.rows)) {
    builder.withRow(new RowBuilder(row));
    for (const panel of panels) builder.withPanel(panelBuilder(panel));
  }
  return builder.build();
}

function panelBuilder(spec: PanelSpec): { build(): Panel } {
  const { width, height } = spec.kind === 'stat' ? STAT : LINES;
  const panel = spec.kind === 'stat' ? new StatBuilder() : new TimeSeriesBuilder().min(0);
  panel
    .title(spec.title)
    .unit(spec.unit)
    .description(spec.bad)
    .links([runbookLink(spec.runbook)])
    .span(width)
    .height(height);
  Object.entries(spec.queries).forEach(([legend, expr], index) => {
    panel.withTarget(
      new DataqueryBuilder()
        .refId(String.fromCharCode(65 + index))
        .expr(expr)
        .legendFormat(legend),
    );
  });
  return panel;
}

function runbookLink(alert: string): { build(): DashboardLink } {
  const url = `\${runbooks}/${runbookPath(alert)}`;
  return new DashboardLinkBuilder(`Runbook: ${alert}`).url(url).targetBlank(true);
}
