/** Where something may have come out: processes, histories, files, pages. */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import type { Client } from '@temporalio/client';
import type { PayloadCodec } from '@temporalio/common';
import { temporal } from '@temporalio/proto';

type Payload = temporal.api.common.v1.IPayload;

/** All files below a folder, by their path in it. */
export function filesIn(folder: string): [string, string][] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => statSync(path.join(folder, name)).isFile())
    .map((name) => [name, readFileSync(path.join(folder, name), 'latin1')]);
}

/** Every run that the server knows: as it is stored, and with each payload in the clear. */
export async function histories(client: Client, codecs: PayloadCodec[]): Promise<[string, string][]> {
  const places: [string, string][] = [];
  const { namespace } = client.options;
  for await (const { workflowId, runId, raw } of client.workflow.list()) {
    const execution = { workflowId, runId };
    const { history } = await client.workflowService.getWorkflowExecutionHistory({ namespace, execution });
    const described = await client.workflowService.describeWorkflowExecution({ namespace, execution });
    const stored = [
      temporal.api.history.v1.History.encode(history ?? {}).finish(),
      temporal.api.workflow.v1.WorkflowExecutionInfo.encode(raw).finish(),
      temporal.api.workflowservice.v1.DescribeWorkflowExecutionResponse.encode(described).finish(),
    ].map((bytes) => Buffer.from(bytes).toString('latin1'));
    places.push([`history of ${workflowId}`, stored.join('\n')]);
    const clear: string[] = [];
    for (const payload of payloadsIn([history, described])) {
      let decoded = [payload];
      for (const codec of codecs) decoded = await codec.decode(decoded);
      clear.push(...decoded.map(({ data }) => Buffer.from(data ?? []).toString('latin1')));
    }
    if (clear.length === 0) throw new Error(`${workflowId} has no payloads: the look is wrong`);
    places.push([`decoded history of ${workflowId}`, clear.join('\n')]);
  }
  return places;
}

/** Wherever they stand in a message. */
function payloadsIn(value: unknown): Payload[] {
  if (value instanceof Uint8Array || typeof value !== 'object' || value === null) return [];
  if ('metadata' in value && 'data' in value) return [value as Payload];
  return Object.values(value).flatMap(payloadsIn);
}

/** Command lines and environments of what this process started, directly or not; where there is no /proc, nothing. */
export function descendants(): { pid: number; argv: string; environment: string }[] {
  if (!existsSync('/proc/self/stat')) return [];
  const read = (pid: string, name: string): string => {
    try {
      return readFileSync(`/proc/${pid}/${name}`, 'latin1');
    } catch {
      return '';
    }
  };
  const parents = new Map(
    readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      // After the name, which may hold anything: state, then the parent.
      .map((pid) => [
        pid,
        read(pid, 'stat')
          .replace(/^.*\) /s, '')
          .split(' ')[1] ?? '',
      ]),
  );
  const isOurs = (pid: string | undefined): boolean =>
    pid !== undefined && pid !== '0' && (pid === String(process.pid) || isOurs(parents.get(pid)));
  return [...parents.keys()]
    .filter((pid) => pid !== String(process.pid) && isOurs(pid))
    .map((pid) => ({ pid: Number(pid), argv: read(pid, 'cmdline'), environment: read(pid, 'environ') }));
}
