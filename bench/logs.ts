import {
  CloudWatchLogsClient,
  paginateDescribeLogGroups,
  paginateFilterLogEvents,
} from '@aws-sdk/client-cloudwatch-logs';
import type { ClientConfig } from '../local/cloud.ts';

/** What the log of one function tells of the time since an instant. */
export interface FunctionLog {
  /** The function's name. */
  readonly name: string;
  readonly invocations: number;
  readonly billedMs: number;
  readonly memoryMb: number;
  /** As CloudWatch Logs counts what it takes in: UTF-8 bytes and 26 for each event. */
  readonly bytes: number;
  /** Metrics in embedded metric format by namespace, name and dimensions: each is billed once a month. */
  readonly metrics: ReadonlySet<string>;
}

const OVERHEAD_BYTES = 26;
const PREFIX = '/aws/lambda/';
const REPORT = /^REPORT .*Billed Duration: ([\d.]+) ms\s+Memory Size: (\d+) MB/;

/** Reads the logs of all functions of an account and Region. */
export async function functionLogs(config: ClientConfig, sinceEpochMs: number): Promise<FunctionLog[]> {
  const client = new CloudWatchLogsClient(config);
  const logs: FunctionLog[] = [];
  for await (const { logGroups = [] } of paginateDescribeLogGroups({ client }, { logGroupNamePrefix: PREFIX })) {
    for (const { logGroupName = '' } of logGroups) {
      const messages: string[] = [];
      const pages = paginateFilterLogEvents({ client }, { logGroupName, startTime: sinceEpochMs });
      for await (const { events = [] } of pages) messages.push(...events.map(({ message = '' }) => message));
      logs.push(logOf(logGroupName.slice(PREFIX.length), messages));
    }
  }
  return logs;
}

/** Reads the lines of one function's log. */
export function logOf(name: string, messages: readonly string[]): FunctionLog {
  const reports = messages.flatMap((message) => {
    const [, billed, memory] = REPORT.exec(message) ?? [];
    return billed === undefined ? [] : [{ billedMs: Number(billed), memoryMb: Number(memory) }];
  });
  return {
    name,
    invocations: reports.length,
    billedMs: reports.reduce((sum, { billedMs }) => sum + billedMs, 0),
    memoryMb: Math.max(0, ...reports.map(({ memoryMb }) => memoryMb)),
    bytes: messages.reduce((sum, message) => sum + Buffer.byteLength(message) + OVERHEAD_BYTES, 0),
    metrics: new Set(messages.flatMap(metricsOf)),
  };
}

interface EmbeddedMetrics {
  readonly Namespace: string;
  readonly Dimensions: readonly (readonly string[])[];
  readonly Metrics: readonly { readonly Name: string }[];
}

function metricsOf(message: string): string[] {
  if (!message.includes('"CloudWatchMetrics"')) return [];
  const document = JSON.parse(message) as Record<string, unknown>;
  const { CloudWatchMetrics } = document._aws as { readonly CloudWatchMetrics: readonly EmbeddedMetrics[] };
  return CloudWatchMetrics.flatMap(({ Namespace, Dimensions, Metrics }) =>
    Dimensions.flatMap((names) => {
      const dimensions = names.map((name) => `${name}=${String(document[name])}`).join(',');
      return Metrics.map(({ Name }) => `${Namespace} ${Name} ${dimensions}`);
    }),
  );
}
