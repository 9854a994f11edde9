import { KINDS, MEDIA_KINDS } from '../../common/kinds';
import { formatBytes, formatCount, formatRate, formatSeconds } from '../../starter/cli/ui/format';
import { drawChart, type Chart } from './chart';
import type { BatchReport, FailureGroup, ReportItem } from './collect';
import { Html, markup } from './html';
import { STYLE } from './style';

/** Where the Web UI shows a run; undefined where nobody knows of one. */
export type RunUrl = (item: Pick<ReportItem, 'workflowId' | 'runId'>) => string | undefined;

/** The whole page: no script, and nothing that is fetched (its own policy forbids it). */
export function reportPage(report: BatchReport, runUrl: RunUrl, batchUrl?: string): string {
  const { batchId, from, to, open } = report;
  const when = `${minute(from)} to ${open > 0 ? 'now' : minute(to)} UTC, ${formatSeconds((to - from) / 1000)}`;
  const body = markup`<header>
      <h1>${batchId}</h1>
      <div class="dim">${when}${batchUrl === undefined ? '' : markup` · <a href="${batchUrl}">Web UI</a>`}</div>
    </header>
    ${cards(report)} ${charts(report).map(drawChart)} ${percentiles(report)} ${failures(report, runUrl)}
    ${slowest(report, runUrl)}
    <footer>
      Times are from submit to the end of the run, as Temporal keeps
      them${report.mended > 0 ? `; ${formatCount(report.mended)} failed runs were done again since and count in the plots only` : ''}.
      Written ${minute(Date.now())} UTC by npm run report -- ${batchId}
    </footer>`;
  return markup`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'" />
        <title>Batch ${batchId}</title>
        <style>
          ${new Html(STYLE)}
        </style>
      </head>
      <body>
        ${body}
      </body>
    </html> `.text;
}

function cards(report: BatchReport): Html {
  const { succeeded, failed, cancelled, open, kinds, from, to, latency, bytesIn, bytesOut } = report;
  const card = (value: string, name: string, bad = false): Html =>
    markup`<div class="card${bad ? ' bad' : ''}"><b>${value}</b><span>${name}</span></div>`;
  const rate = succeeded / Math.max(1, (to - from) / 1000);
  return markup`<div class="cards">
    ${card(formatCount(succeeded), `published: ${countsOf(kinds)}`)}
    ${card(formatCount(failed), 'failed', failed > 0)}
    ${open > 0 ? card(formatCount(open), 'open') : ''}${cancelled > 0 ? card(formatCount(cancelled), 'cancelled') : ''}
    ${card(`${formatRate(rate)}/s`, 'items, on average')} ${card(ms(latency.percentile(0.5)), 'median latency')}
    ${card(ms(latency.percentile(0.99)), 'p99 latency')}
    ${bytesIn > 0 ? card(formatBytes(bytesIn), `in, ${formatBytes(bytesOut)} out`) : ''}
  </div>`;
}

/** `20 images, 3 videos`: of each kind that there is. */
function countsOf(kinds: BatchReport['kinds']): string {
  const counted = MEDIA_KINDS.filter((kind) => kinds[kind] > 0);
  return counted.map((kind) => `${formatCount(kinds[kind])} ${KINDS[kind].plural}`).join(', ') || 'nothing';
}

/** The plots of the page. */
export function charts({ points, widthMs }: BatchReport): Chart[] {
  const secondsEach = widthMs / 1000;
  const seconds = (value: number | undefined): number | undefined => (value === undefined ? undefined : value / 1000);
  return [
    {
      title: 'Throughput',
      unit: 'items per second',
      write: formatTick,
      secondsEach,
      series: [
        {
          name: 'published',
          colour: 'ok',
          shape: 'bars',
          values: points.map((point) => point.succeeded / secondsEach),
        },
        { name: 'failed', colour: 'bad', shape: 'bars', values: points.map((point) => point.failed / secondsEach) },
      ],
    },
    {
      title: 'Backlog',
      unit: 'items submitted and not ended',
      write: formatTick,
      secondsEach,
      series: [{ name: 'open', colour: 'calm', shape: 'area', values: points.map(({ open }) => open) }],
    },
    {
      title: 'Latency',
      unit: 'from submit to published, of what was published at that moment',
      write: (value) => (value === 0 ? '0' : formatSeconds(value)),
      secondsEach,
      series: [
        { name: 'p95', colour: 'warm', shape: 'line', values: points.map(({ p95 }) => seconds(p95)) },
        { name: 'median', colour: 'ok', shape: 'line', values: points.map(({ p50 }) => seconds(p50)) },
      ],
    },
  ];
}

function percentiles({ latency, slowest: [slowest] }: BatchReport): Html {
  if (latency.count === 0) return markup`<p class="dim">Nothing has been published yet.</p>`;
  const shares = [0.5, 0.75, 0.9, 0.95, 0.99, 1];
  return markup`<h2>Latency of published items</h2>
    <table>
      <tr>
        ${shares.map((share) => markup`<th class="number">${share === 1 ? 'slowest' : `p${share * 100}`}</th>`)}
      </tr>
      <tr>
        ${shares.map((share) => markup`<td class="number">${ms(share === 1 ? slowest?.ms : latency.percentile(share))}</td>`)}
      </tr>
    </table>`;
}

function failures({ failures: groups, unread, failed }: BatchReport, runUrl: RunUrl): Html {
  if (failed === 0) return markup``;
  const row = (item: FailureGroup['examples'][number]): Html =>
    markup`<tr>
      <td>${link(item, runUrl)}</td>
      <td>${item.message}</td>
    </tr>`;
  return markup`<h2>Failures</h2>
    ${groups.map(
      ({ type, count, examples }) =>
        markup`<details open>
          <summary><b>${formatCount(count)}</b> × ${type}</summary>
          <table>
            ${examples.map(row)}
          </table>
          ${count > examples.length ? markup`<div class="dim">and ${formatCount(count - examples.length)} more</div>` : ''}
        </details>`,
    )}
    ${unread > 0 ? markup`<p class="dim">${formatCount(unread)} more failures were counted, not read.</p>` : ''}`;
}

function slowest({ slowest: items }: BatchReport, runUrl: RunUrl): Html {
  if (items.length === 0) return markup``;
  return markup`<h2>Slowest items</h2>
    <table>
      <tr>
        <th class="number">time</th>
        <th>kind</th>
        <th>source</th>
      </tr>
      ${items.map(
        (item) =>
          markup`<tr>
            <td class="number">${ms(item.ms)}</td>
            <td>${item.kind}</td>
            <td>${link(item, runUrl)}</td>
          </tr>`,
      )}
    </table>`;
}

function link(item: ReportItem, runUrl: RunUrl): Html {
  const url = runUrl(item);
  return url === undefined ? markup`${item.source}` : markup`<a href="${url}">${item.source}</a>`;
}

function ms(value: number | undefined): string {
  return value === undefined ? '–' : formatSeconds(value / 1000);
}

/** `2026-03-01 14:05` */
function minute(at: number): string {
  return new Date(at).toISOString().slice(0, 16).replace('T', ' ');
}

function formatTick(value: number): string {
  return value < 10 ? String(Math.round(value * 100) / 100) : formatCount(value);
}
