/** What became of streams, and whether that is a good end. */

import { collectStreams } from '../../../local/demo/collect-streams.ts';
import { endedWell } from '../../../local/demo/ended-well.ts';
import { endsOf } from '../../../local/demo/print.ts';
import type { ActResult } from '../../../local/demo/result-act.ts';
import type { StreamRecord } from '../../../shared/domain/stream/stream-record.ts';

type Node = ActResult['cascades'][number]['nodes'][number];

const node = (changes: Partial<Node> = {}): Node => ({
  ...{
    stream: 'a',
    work: 'rebuild' as const,
    wave: 0,
    parents: [],
    facts: [],
    atFault: true,
    state: 'verified' as const,
  },
  ...{ before: 'sha256:1', after: 'sha256:2' },
  ...changes,
});
const cascade = (...nodes: Node[]): ActResult['cascades'][number] => ({ cascadeId: 'c', state: 'complete', nodes });
const closure = (proof?: { runId: string }): ActResult['closures'][number] => ({
  ...{ cascadeId: 'c', stream: 'a', output: 'sha256:2', state: proof ? 'closed' : 'open' },
  ...(proof
    ? { proof: { ...proof, nothingRunsSinceEpochMs: 1, closedAtEpochMs: 1, scopes: 2, usagesOfOutput: 3 } }
    : { waitingFor: 'still run' }),
});
const answer = { stream: 'a', answer: 'refuse' as const, reason: 'report-only', detail: 'The policy says so.' };

const head = { images: { 'linux/amd64': 'sha256:3' }, index: 'sha256:2' } as unknown as StreamRecord['head'];
const streams = { streams: async () => new Map([['a', { stream: 'a', head } as StreamRecord]]) };
const none = { answers: [], cascades: [], closures: [] };

test.each<[name: string, done: Partial<Parameters<typeof collectStreams>[1]>, end: object]>([
  [
    'a proof makes it patched',
    { cascades: [cascade(node())], closures: [closure({ runId: 'r' })] },
    { state: 'patched', provenBy: 'r' },
  ],
  [
    'without a proof it is open',
    { cascades: [cascade(node())], closures: [closure()] },
    { state: 'open', reason: 'closing', detail: 'still run' },
  ],
  [
    'a rebuild that fixes nothing stops it, whatever the guards say since',
    { cascades: [cascade(node({ state: 'ineffective', detail: 'is left' }))], answers: [answer] },
    { state: 'stopped', reason: 'ineffective', detail: 'is left' },
  ],
  [
    'what is built on such a one says so',
    { cascades: [cascade(node({ state: 'waiting', reason: 'parent-not-verified' }))], answers: [answer] },
    { state: 'stopped', reason: 'parent-not-verified', detail: answer.detail },
  ],
  [
    'a stream without a plan is on hold',
    { answers: [answer] },
    { state: 'on-hold', reason: 'report-only', detail: answer.detail },
  ],
])('%s', async (_name, done, end) => {
  const [row, ...others] = await collectStreams({ streams }, { ...none, ...done }, []);
  expect([row, others]).toMatchObject([{ stream: 'a', runs: [], ...end }, []]);
});

test('the first plan says what was before, the last one what is now, and the head what that holds', async () => {
  const first = cascade(node({ state: 'unverified', after: 'sha256:9' }));
  const cascades = [first, cascade(node({ before: 'sha256:9' }))];
  expect(await collectStreams({ streams }, { ...none, cascades }, [])).toMatchObject([
    { before: 'sha256:1', after: 'sha256:2', parts: { 'linux/amd64': 'sha256:3' } },
  ]);
});

const result = (nodes: Node[], changes: object = {}, status = 'SUCCEEDED', doors: object[] = []) =>
  ({
    execution: { arn: 'arn', status },
    act: { cascades: [cascade(...nodes)], deployments: [], gaveUp: [], ...changes },
    doors,
  }) as unknown as Parameters<typeof endedWell>[0];
const atDoors = (...answers: [which: string, started: boolean][]) =>
  result(
    [node()],
    {},
    'SUCCEEDED',
    answers.map(([which, started]) => ({ which, started })),
  );
const deployed = (state: string) => ({ deployments: [{ cascadeId: 'c', service: 's', mode: 'restart', state }] });

test.each([
  ['all fixed', result([node()])],
  ['proven not to be fixed', result([node(), node({ stream: 'b', state: 'ineffective' })])],
  ['what is built on that', result([node({ state: 'waiting', reason: 'parent-not-verified' })])],
  ['somebody was faster', result([node({ state: 'waiting', reason: 'head-fixed' })])],
  ['a deployment that is its owner’s to make', result([node()], deployed('refused'))],
  ['the doors refuse the old image and let the new one start', atDoors(['old', false], ['rebuilt', true])],
  [
    'a later plan does what an earlier one left',
    result([], {
      cascades: [cascade(node({ state: 'failed' })), cascade(node())],
      deployments: [...deployed('failed').deployments, ...deployed('completed').deployments],
    }),
  ],
])('a good end: %s', (_name, end) => {
  expect(endedWell(end)).toBe(true);
});

test.each([
  ['the review failed', result([node()], {}, 'FAILED')],
  ['a later plan fails', result([], { cascades: [cascade(node()), cascade(node({ state: 'failed' }))] })],
  ['the demo gave up waiting', result([node()], { gaveUp: ['Not settled'] })],
  ['a build failed', result([node({ state: 'failed' })])],
  ['a build was not verified', result([node({ state: 'unverified' })])],
  ['a rollout was not completed', result([node({ reason: 'not-rolled-out' })])],
  ['a deployment was rolled back', result([node()], deployed('rolled-back'))],
  ['a door lets the old image start', atDoors(['old', true], ['rebuilt', true])],
  ['a door refuses the rebuilt image', atDoors(['old', false], ['rebuilt', false])],
])('no good end: %s', (_name, end) => {
  expect(endedWell(end)).toBe(false);
});

test('"In short" counts each stream and image of the lists above it', () => {
  const streams = ['patched', 'open', 'stopped', 'on-hold'].map((state) => ({ stream: state, state }));
  const images = [
    { outcome: 'unknown', stream: 'not scanned' },
    { outcome: 'unknown', stream: 'stopped' },
    { outcome: 'violating', stream: 'on-hold' },
  ];
  const result = { act: { streams }, images } as unknown as Parameters<typeof endsOf>[0];
  expect(endsOf(result)).toBe(
    '1 patched, proven by digest, 1 fixed but not proven yet, 1 not fixed, 1 on hold, 1 unknown',
  );
});
