import { readFileSync } from 'node:fs';
import { definitionText } from '../statemachines/machine.ts';
import { hub, type JsonObject, objectOf, ofType, ROOT, textOf } from './template.ts';

/* Figures that the pages repeat from the template and the state machines. */

const page = (path: string): string => readFileSync(`${ROOT}${path}`, 'utf8').replace(/\s+/g, ' ');
const [readme, operations, protection] = [page('README.md'), page('docs/operations.md'), page('docs/protection.md')];

const propertiesOf = (id: string): JsonObject => objectOf(hub.resources.find((one) => one.id === id)?.properties);
const secondsOf = (queue: string, name: string): number => Number(propertiesOf(queue)[name]);
const minutesOf = (queue: string): number => Math.round(secondsOf(queue, 'VisibilityTimeout') / 60);
const defaultOf = (parameter: string): string => String(objectOf(objectOf(hub.json.Parameters)[parameter]).Default);
const hoursOf = (machine: string): number => JSON.parse(definitionText(machine)).TimeoutSeconds / 3600;

const WORDS = ['no', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine', 'ten'];
const inWords = (count: number): string => WORDS[count] ?? String(count);

test('README counts the functions, buckets and state machines of the template', () => {
  const counts = {
    functions: ofType(hub, 'AWS::Serverless::Function').length,
    buckets: ofType(hub, 'AWS::S3::Bucket').length,
    machines: ofType(hub, 'AWS::Serverless::StateMachine').length,
  };
  expect(readme).toContain(`${inWords(counts.buckets)} S3 buckets, ${inWords(counts.functions)} Lambda functions`);
  expect(readme).toContain(`own role, ${inWords(counts.machines)} state machines`);
});

const queues = ofType(hub, 'AWS::SQS::Queue').map(({ id, properties }) => ({ id, properties }));
const waiting = queues.filter(({ properties }) => 'RedrivePolicy' in properties);
const dead = queues.filter(({ id }) => id.endsWith('DeadLetters'));

test('operations.md tells how long each queue hides a message of a function that was throttled or died', () => {
  const [plan, builds, heads] = ['PlanQueue', 'BuildEventQueue', 'HeadEventQueue'].map(minutesOf);
  const others = new Set(
    ['ScanEventQueue', 'RegistryEventQueue', 'CheckRequestQueue', 'CascadeEndQueue'].map(minutesOf),
  );
  expect(others.size).toBe(1);
  expect(operations).toContain(
    `plan ${plan} minutes, builds ${builds}, scan events, pushes, requests of \`patchwave check\` and ends of cascades ${[...others][0]}, heads ${heads}.`,
  );
});

test('operations.md tells how often a message is tried, and how long queues keep it', () => {
  const tries = new Set(waiting.map(({ properties }) => objectOf(properties.RedrivePolicy).maxReceiveCount));
  expect([...tries]).toEqual([30]);
  expect(operations).toContain('after 30 tries, about an hour, a dead-letter queue.');
  const daysOf = (some: typeof queues) =>
    new Set(some.map(({ id }) => secondsOf(id, 'MessageRetentionPeriod') / 86_400));
  expect([...daysOf(waiting)]).toEqual([4]);
  expect([...daysOf(dead)]).toEqual([14]);
  expect(secondsOf('DoctorQueue', 'MessageRetentionPeriod')).toBe(300);
  expect(operations).toContain('| queues | 4 days; test events of `patchwave doctor` 5 minutes |');
  expect(operations).toContain('| dead letters | queues | 14 days |');
});

test('operations.md tells after how many minutes QueueStalledAlarm goes off', () => {
  const [expression = ''] = /"?Expression: .*FILL\(plan, 0\) > .*/.exec(hub.text) ?? [];
  const minutes = (name: string): number =>
    Math.round(Number(new RegExp(`FILL\\(${name}, 0\\) > (\\d+)`).exec(expression)?.[1]) / 60);
  expect(minutes('buildEvents')).toBe(minutes('plan'));
  expect(minutes('cascadeEnds')).toBe(minutes('plan'));
  expect(minutes('scanEvents')).toBe(minutes('registryEvents'));
  expect(minutes('scanEvents')).toBe(minutes('checkRequests'));
  const [soon, heads, late] = [minutes('plan'), minutes('headEvents'), minutes('scanEvents')];
  expect(operations).toContain(
    `The bound is ${soon} minutes for the planner, ends of builds and ends of cascades, ${heads} for heads, and ${late} for scan events, pushes and requests of \`patchwave check\`.`,
  );
  expect(operations).toContain(
    `goes off after ${soon} minutes (plan, builds, ends of cascades), ${heads} (heads) or ${late} |`,
  );
});

test('operations.md tells the longest times of the machines and of the lease of a review', () => {
  expect(operations).toContain(`a review took ${inWords(hoursOf('fleet-review'))} hours and was stopped`);
  expect(operations).toContain(`a cascade ran for ${hoursOf('rebuild-cascade') / 24} days and was stopped`);
  const variables = objectOf(objectOf(propertiesOf('FleetReviewFunction').Environment).Variables);
  expect(operations).toContain(`the lease of reviews, ${textOf(variables.LEASE_MINUTES)} minutes`);
  expect(Number(variables.LEASE_MINUTES)).toBeGreaterThan(hoursOf('fleet-review') * 60);
});

test('the pages tell the defaults of parameters', () => {
  expect(operations).toContain(`\`PlanMinutes\` (${defaultOf('PlanMinutes')} by default`);
  expect(operations).toContain(`\`LogRetentionDays\`, ${defaultOf('LogRetentionDays')} days`);
  expect(protection).toContain(`\`ExpiryHorizonDays\` (${defaultOf('ExpiryHorizonDays')})`);
});

test('operations.md tells how often AWS retries on the way to a queue, in words that do not count the first try', () => {
  const { LedgerStream } = objectOf(propertiesOf('LedgerEventsFunction').Events);
  const stream = objectOf(objectOf(LedgerStream).Properties).MaximumRetryAttempts;
  expect(operations).toContain(`\`AnnounceWindowSeconds\`; ${stream} retries, then \`AnnouncementDeadLetters\``);
  expect(operations).toContain(`After ${stream} retries it sets a change aside`);
  const policies = [
    ...hub.text.matchAll(/RetryPolicy: \{ MaximumEventAgeInSeconds: (\d+), MaximumRetryAttempts: (\d+) \}/g),
  ];
  const hours = new Set(policies.map(([, seconds, retries]) => `${Number(seconds) / 3600} hours, ${retries} retries`));
  const doctor = `${60 / 3600} hours, 3 retries`;
  expect(hours).toEqual(
    new Set([
      '24 hours, 185 retries',
      '6.5 hours, 185 retries',
      '0.25 hours, 3 retries',
      '4 hours, 20 retries',
      doctor,
    ]),
  );
  expect(operations).toContain(
    '24 hours and 185 retries (6.5 hours for the end of a review, 15 minutes and 3 retries for the clock)',
  );
  expect(operations).toContain('4 hours and 20 retries, then `ReviewDeadLetters` or `ProtectionDeadLetters`');
});
