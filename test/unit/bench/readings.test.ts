import { countedCalls, dayRows } from '../../../bench/calls.ts';
import { importing, importsOf } from '../../../bench/empty-handlers.ts';
import { logOf } from '../../../bench/logs.ts';
import { older } from '../../../bench/pass-day.ts';
import { isWithinBudget } from '../../../bench/report.ts';
import { cpuSecondsIn, numberAfter } from '../../../bench/workers.ts';
import type { CallCount } from '../../../local/cloud/admin-types.ts';
import { median } from '../../../shared/domain/common/median.ts';
import { imageProperties } from '../../support/samples.ts';

test('the middle of an odd and of an even number of values', () => {
  expect(median([30, 1, 2])).toBe(2);
  expect(median([10, 2, 1, 9])).toBe(5.5);
  expect(() => median([])).toThrow(RangeError);
});

test('a log yields invocations, time, memory, bytes and metrics', () => {
  const metrics = JSON.stringify({
    _aws: {
      CloudWatchMetrics: [
        {
          Namespace: 'Patchwave',
          Dimensions: [['service', 'outcome']],
          Metrics: [{ Name: 'Images' }, { Name: 'Age' }],
        },
      ],
    },
    service: 'patchwave',
    outcome: 'unknown',
    Images: 3,
  });
  const report = (ms: number) =>
    `REPORT RequestId: 1\tDuration: ${ms} ms\tBilled Duration: ${ms} ms\tMemory Size: 512 MB\tMax Memory Used: 90 MB`;
  const log = logOf('patchwave-report', ['START RequestId: 1', metrics, report(20), report(22), metrics]);
  expect(log).toMatchObject({ invocations: 2, billedMs: 42, memoryMb: 512 });
  expect([...log.metrics]).toEqual([
    'Patchwave Images service=patchwave,outcome=unknown',
    'Patchwave Age service=patchwave,outcome=unknown',
  ]);
  expect(logOf('x', ['äb']).bytes).toBe(3 + 26);
});

test('calls of roles are counted over accounts and roles, those of root are not', () => {
  const row = (principal: string, count: number): CallCount => ({
    ...{ account: '1', region: 'r', service: 'ecs', operation: 'ListTasks' },
    ...{ principal, count, throttled: 0, failed: 0, denied: 0 },
  });
  expect([...countedCalls([row('A', 2), row('B', 3), row('root', 50), row('user', 1), row('anonymous', 1)])]).toEqual([
    ['ecs:ListTasks', 5],
  ]);
  const byPath = { ...row('PatchwaveRead', 1), service: 'account', operation: 'POST /listRegions' };
  expect([...countedCalls([byPath]).keys()]).toEqual(['account:ListRegions']);
});

test('a call unknown to the least counts against the budget; calls outside the budget do not', () => {
  const least = { budgeted: new Map([['ecs:ListTasks', 50]]), apart: new Map([['ecr:GetDownloadUrlForLayer', 1]]) };
  const rows = (strange: number) =>
    dayRows(
      'first',
      least,
      new Map([
        ['ecs:ListTasks', 50],
        ['ecr:ListImages', strange],
        ['ecr:GetDownloadUrlForLayer', 90],
        ['s3:GetObject', 500],
      ]),
    );
  const sum = (strange: number) => rows(strange).find(({ figure }) => figure.endsWith('day: sum'));
  expect(sum(1)).toMatchObject({ measured: 51, reference: 50 });
  expect([sum(1), sum(2)].map((row) => row && isWithinBudget(row))).toEqual([true, false]);
  expect(rows(1).filter(({ budget }) => budget !== undefined)).toHaveLength(1);
});

test('a day passes for scans and judgements, and for nothing else', () => {
  const HOUR = 3_600_000;
  const image = {
    ...{ ...imageProperties('a'), inUse: true, isHead: false },
    scan: { state: 'complete', coverage: ['os'], requestedAtEpochMs: 50 * HOUR, completedAtEpochMs: 51 * HOUR },
    judgedAtEpochMs: 52 * HOUR,
  } as const;
  expect(older(image)).toEqual({
    ...image,
    scan: { ...image.scan, requestedAtEpochMs: 25 * HOUR, completedAtEpochMs: 26 * HOUR },
    judgedAtEpochMs: 27 * HOUR,
  });
  const never = { ...image, scan: { state: 'off', coverage: [] } } as const;
  expect(older(never).scan).toEqual(never.scan);
});

test('an empty handler exports again what a function imports from the SDK, without its types', () => {
  const source = `import {\n  A,\n  type B,\n  C,\n} from '@aws-sdk/client-ecs';\nimport type { D } from '@aws-sdk/client-ecr';\nimport { E } from './e.ts';\nimport { F } from '@smithy/util';\n`;
  expect(importsOf(source)).toEqual([
    ['@aws-sdk/client-ecs', ['A', 'C']],
    ['@smithy/util', ['F']],
  ]);
  expect(
    importing(
      new Map([
        ['@aws-sdk/client-ecs', new Set(['C', 'A'])],
        ['@aws-sdk/client-ecr', new Set<string>()],
      ]),
    ),
  ).toBe("export { A as A0, C as C0 } from '@aws-sdk/client-ecs';\n");
  const both = new Map(['ecs', 'eks'].map((client) => [client, new Set(['paginateListClusters'])]));
  const exported = [...importing(both).matchAll(/ as (\w+)/g)].map(([, name]) => name);
  expect(exported).toEqual(['paginateListClusters0', 'paginateListClusters1']);
});

test('a number of /proc is read by its label, or is not there', () => {
  const status = 'Name:\tnode\nPPid:\t42\nVmHWM:\t   70000 kB\nVmRSS:\t 60000 kB\n';
  expect([numberAfter(status, 'PPid:'), numberAfter(status, 'VmHWM:'), numberAfter('', 'VmHWM:')]).toEqual([
    42,
    70_000,
    undefined,
  ]);
});

test('CPU time from /proc is user plus system time, for any name of the process', () => {
  const fields = Array.from({ length: 50 }, (_, n) => String(n + 3));
  expect(cpuSecondsIn(`42 (node (a) b) ${['S', ...fields.slice(1)].join(' ')}`)).toBe(0.29);
  expect(cpuSecondsIn('')).toBeUndefined();
});
