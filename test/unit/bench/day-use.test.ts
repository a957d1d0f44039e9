import { steadyDay } from '../../../bench/day.ts';
import { dayUse, stackOf, useBeside } from '../../../bench/day-use.ts';
import type { MeasuredDay } from '../../../bench/measured-days.ts';
import type { CallCount } from '../../../local/cloud/admin-types.ts';

const call = (principal: string, key: string, count: number): CallCount => {
  const [service = '', operation = ''] = key.split(':');
  return {
    account: '111122223333',
    region: 'us-east-1',
    service,
    operation,
    principal,
    count,
    throttled: 0,
    failed: 0,
    denied: 0,
  };
};
const log = (name: string, billedMs: number) => ({
  name: `patchwave-${name}`,
  invocations: 2,
  billedMs,
  memoryMb: 512,
  bytes: 300,
  metrics: new Set<string>(),
});
const day: MeasuredDay = {
  day: steadyDay(),
  review: {
    runId: 'run',
    mode: 'review',
    scopeKey: 'fleet',
    policyVersion: 'v',
    state: 'succeeded',
    startedAtEpochMs: 0,
    leaseUntilEpochMs: 0,
  },
  calls: [
    call('InventoryRole', 's3:PutObject', 5),
    call('InventoryRole', 's3:GetObject', 7),
    call('InventoryRole', 'sts:AssumeRole', 1),
    call('ScanRole', 'dynamodb:PutItem', 25),
    call('PatchwaveRead', 'ecs:ListTasks', 10),
    call('PatchwaveRead', 'account:POST /listRegions', 2),
    call('PatchwaveRead', 'ecr:StartImageScan', 20),
    call('EventsRole', 'dynamodb:GetRecords', 1_000_000),
    call('EventsRole', 'events:PutEvents', 3),
    call('root', 's3:PutObject', 1000),
  ],
  units: new Map([['patchwave-inventory', { read: 9, write: 8 }]]),
  logs: [log('inventory', 2000), log('scan-trigger', 1000), log('ledger-events', 500)],
  workers: new Map([['patchwave-inventory', { peakBytes: 1, cpuSeconds: 512 / 1769 }]]),
  transitions: 30,
  polledQueues: 5,
  parts: { lineage: 1, scope: 4, registry: 2, scan: 3, verdict: 3, policy: 0 },
};
const roles = new Map([
  ['InventoryRole', 'patchwave-inventory'],
  ['ScanRole', 'patchwave-scan-trigger'],
  ['EventsRole', 'patchwave-ledger-events'],
]);

test('calls go to the function that made them, with its own role or with a member role', () => {
  const { functions, ...rest } = dayUse(day, roles);
  expect(rest).toEqual({
    standardTransitions: 30 + (2 * 4 + 2) * 3,
    batchChildren: 6,
    scans: 20,
    mapPuts: 20,
    mapGets: 5,
    polledQueues: 5,
  });
  const [inventory, scanTrigger, ledgerEvents] = functions;
  expect(inventory).toMatchObject({ name: 'inventory', s3Puts: 5, s3Gets: 7, units: { read: 9, write: 8 } });
  // A second at its share of a processor, then 12 files at 40 ms, a role at 100 ms and 10 lists at 80 ms.
  expect(inventory?.seconds).toBeCloseTo(1 + 0.48 + 0.1 + 0.8);
  // No measured CPU time, so its whole time counts: 25 writes at 5 ms, 20 scans at 80 ms, and their pace of ten a second.
  expect(scanTrigger?.seconds).toBeCloseTo(1 + 0.125 + 1.6 + 2);
  // Lambda itself reads the stream.
  expect(ledgerEvents?.seconds).toBeCloseTo(0.5 + 0.06);
  expect(ledgerEvents?.publishedEvents).toBe(30);
});

test('the name of the stack is what the names of all functions begin with', () => {
  expect(stackOf(['my-stack-inventory', 'my-stack-report', 'my-stack-scan-trigger'])).toBe('my-stack-');
});

test('a function that nothing called used no time, though its process is there', () => {
  const idle = { ...log('inventory', 0), invocations: 0, memoryMb: 0 };
  const workers = new Map([['patchwave-inventory', { peakBytes: 1, cpuSeconds: 0 }]]);
  const { functions } = dayUse({ ...day, calls: [], logs: [idle, log('scan-trigger', 1000)], workers }, roles);
  expect(functions.map(({ seconds }) => seconds)).toEqual([0, 1]);
});

test('work outside a review has no map and no polls', () => {
  const { parts, ...rest } = day;
  const nothing = { ...parts, scope: 0, registry: 0, scan: 0, verdict: 0 };
  expect(useBeside({ ...rest, parts: nothing }, roles)).toMatchObject({
    ...{ standardTransitions: 30, batchChildren: 0, mapPuts: 0, mapGets: 0, polledQueues: 0 },
  });
});
