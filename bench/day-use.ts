import type { CallCount } from '../local/cloud/admin-types.ts';
import type { DayUse, FunctionUse } from './cost-model.ts';
import { callKey } from './counted.ts';
import type { FunctionLog } from './logs.ts';
import type { MeasuredSpan } from './measured-days.ts';
import type { WorkerUse } from './workers.ts';

/**
 * How long AWS is taken to need for a call, in milliseconds. Assumed, and on the long side: here a call takes a few
 * milliseconds. Calls are counted as if each waited for the one before, though many run at the same time.
 */
const LATENCY_MS: Readonly<Record<string, number>> = {
  account: 150,
  dynamodb: 5,
  ecr: 80,
  ecs: 80,
  eks: 80,
  events: 20,
  organizations: 150,
  s3: 40,
  sqs: 20,
  sts: 100,
};
/** Of every other service, so that none counts as free. */
const OTHER_LATENCY_MS = 150;

/** A function has a whole processor at so much memory, and a share of one below (AWS Lambda developer guide, "Memory"). */
const MEMORY_OF_A_PROCESSOR_MB = 1769;

/** ScansPerSecond of template.yaml: on AWS a batch waits for its turn, and pays for the time. */
const SCANS_A_SECOND = 10;

/** Calls of Lambda itself for an event source, under any principal. */
const EVENT_SOURCE_CALLS = new Set([
  'sqs:ReceiveMessage',
  'sqs:DeleteMessage',
  'sqs:DeleteMessageBatch',
  'sqs:GetQueueAttributes',
  'dynamodb:DescribeStream',
  'dynamodb:GetRecords',
  'dynamodb:GetShardIterator',
  'dynamodb:ListStreams',
]);

/** Which function calls what with the role of a member account. */
const MEMBER_CALLS: Readonly<Record<string, string>> = {
  'account:ListRegions': 'fleet-review',
  'ecr:StartImageScan': 'scan-trigger',
  'ecr:DescribeImageScanFindings': 'policy-evaluation',
  'events:ListEventBuses': 'inventory',
  'events:ListRuleNamesByTarget': 'inventory',
  'scheduler:ListSchedules': 'inventory',
};
const OTHER_MEMBER_CALLS = 'inventory';

/** PutEvents takes ten entries; how many it was given is not counted, so all. */
const EVENTS_A_CALL = 10;
/** A state for each scope or registry, and the start and end of its child. */
const TRANSITIONS_A_CHILD = 3;
/** A review reads each scope, and then records who uses what there. */
const MAPS_OF_SCOPES = 2;
/**
 * A review maps twice over scopes, once over registries and twice over batches. Each map reads its items, and writes a
 * manifest and a file each of what succeeded, failed and is pending:
 * https://docs.aws.amazon.com/step-functions/latest/dg/input-output-resultwriter.html
 */
const MAPS = 5;
const RESULT_FILES = 4;

const countOf = (calls: readonly CallCount[], ...keys: readonly string[]): number =>
  calls.filter((call) => keys.includes(callKey(call))).reduce((sum, { count }) => sum + count, 0);

/** What something used that is no review and goes on beside one: it maps over nothing, and queues are polled anyhow. */
export const useBeside = (measured: MeasuredSpan, functionsByRole: ReadonlyMap<string, string>): DayUse => ({
  ...dayUse(measured, functionsByRole),
  ...{ mapPuts: 0, mapGets: 0, polledQueues: 0 },
});

/** What a measured day used, in the units that are billed. */
export function dayUse(
  { calls, logs, units, workers, parts, transitions, polledQueues }: MeasuredSpan,
  functionsByRole: ReadonlyMap<string, string>,
): DayUse {
  const stack = stackOf([...functionsByRole.values()]);
  const callsOf = (name: string) => calls.filter((call) => callerOf(call, functionsByRole, stack) === name);
  const functions = logs.map((log): FunctionUse => {
    const name = log.name.slice(stack.length);
    const own = callsOf(name).filter((call) => !EVENT_SOURCE_CALLS.has(callKey(call)));
    return {
      name,
      memoryMb: log.memoryMb,
      invocations: log.invocations,
      seconds: computingSeconds(log, workers.get(log.name)) + waitingSeconds(own),
      units: units.get(log.name) ?? { read: 0, write: 0 },
      s3Puts: countOf(own, 's3:PutObject', 's3:ListBucket'),
      s3Gets: countOf(own, 's3:GetObject'),
      queueRequests: countOf(own, 'sqs:SendMessage', 'sqs:SendMessageBatch'),
      publishedEvents: countOf(own, 'events:PutEvents') * EVENTS_A_CALL,
      logBytes: log.bytes,
    };
  });
  return {
    functions,
    standardTransitions: transitions + (parts.scope * MAPS_OF_SCOPES + parts.registry) * TRANSITIONS_A_CHILD,
    batchChildren: parts.scan + parts.verdict,
    scans: countOf(calls, 'ecr:StartImageScan'),
    mapPuts: MAPS * RESULT_FILES,
    mapGets: MAPS,
    polledQueues,
  };
}

/** The part that the names of all functions begin with. */
export function stackOf(names: readonly string[]): string {
  const [first = '', ...others] = names;
  let length = first.length;
  for (const name of others) while (!name.startsWith(first.slice(0, length))) length -= 1;
  return first.slice(0, length);
}

function callerOf(call: CallCount, functionsByRole: ReadonlyMap<string, string>, stack: string): string | undefined {
  const own = functionsByRole.get(call.principal);
  if (own !== undefined) return own.slice(stack.length);
  const caller = MEMBER_CALLS[callKey(call)];
  if (caller !== undefined) return caller;
  return ['account', 'ecr', 'ecs', 'eks'].includes(call.service) ? OTHER_MEMBER_CALLS : undefined;
}

/** Without a count of CPU time, the whole time of the function, which is longer: it waited for this machine's cloud. */
function computingSeconds({ memoryMb, billedMs, invocations }: FunctionLog, worker: WorkerUse | undefined): number {
  if (worker === undefined || invocations === 0) return billedMs / 1000;
  return worker.cpuSeconds / Math.min(1, memoryMb / MEMORY_OF_A_PROCESSOR_MB);
}

function waitingSeconds(calls: readonly CallCount[]): number {
  const paced = countOf(calls, 'ecr:StartImageScan') / SCANS_A_SECOND;
  const waiting = calls.reduce((sum, { service, count }) => sum + count * (LATENCY_MS[service] ?? OTHER_LATENCY_MS), 0);
  return paced + waiting / 1000;
}
