import type { CauseFact } from '../../../../shared/domain/cause/cause.ts';
import { emptyHistory, type RebuildHistory } from '../../../../shared/domain/cause/rebuild.ts';
import { planCascade } from '../../../../shared/domain/plan/plan.ts';
import type { CascadePlan, PlanContext, PlannedStream } from '../../../../shared/domain/plan/plan-model.ts';
import { headDigestOf } from '../../../../shared/domain/stream/heads.ts';
import { fc } from '../../../support/seeded.ts';
import { DAY, digestOf, HOUR, NOW } from '../arbitraries.ts';
import {
  ageFact,
  anyContext,
  anyStreams,
  CONTEXT,
  causeOf,
  findingFact,
  lock,
  looked,
  MINUTE,
  NOT_SCANNED,
  OTHER,
  PAUSED,
  personFact,
  planned,
  reasonOf,
  STREAM,
} from '../rollout/acting.ts';

const plan = (streams: readonly PlannedStream[], context: Partial<PlanContext> = {}): CascadePlan =>
  planCascade(streams, { ...CONTEXT, ...context }, NOW);

/** What became of one stream: `rebuild`, `deploy`, an answer, or `settled`. */
const endOf = (changes: Partial<PlannedStream>, context: Partial<PlanContext> = {}): string => {
  const { nodes, answers, settled } = plan([planned(changes)], context);
  const ends = [
    ...nodes.map(({ work }) => work),
    ...[...answers.values()].map(({ answer, reason }) => `${answer} ${reason}`),
  ];
  return ends.join() || (settled.size > 0 ? 'settled' : 'nothing');
};

const fact = findingFact();
const other = findingFact('CVE-2', { fix: 'no' });
const clean = looked('clean');
const old = looked('old', reasonOf(fact));
/** A clean head by a scan that ended so long ago, and perhaps was asked for once more. */
const scannedAgo = (completedMs: number, requestedMs = completedMs): Partial<PlannedStream> => {
  const scan = { completedAtEpochMs: NOW - completedMs, requestedAtEpochMs: NOW - requestedMs };
  return { ...toDeploy, heads: [{ ...clean, scan: { state: 'complete', ...scan } }], cause: causeOf(STREAM, ofToday) };
};
const ofToday = findingFact('CVE-1', { sinceEpochMs: NOW - 30 * MINUTE });
const toDeploy = { heads: [clean], headDigest: clean.digest, inUse: [old] };

test.each<[string, string, Partial<PlannedStream>, Partial<PlanContext>?]>([
  ['rebuild', 'the head holds it', {}],
  ['deploy', 'the head is clean, something older runs', toDeploy],
  ['wait unknown-facts', 'the scan of the clean head is a day old, and the finding is of today', scannedAgo(DAY)],
  ['wait unknown-facts', 'a new scan of the clean head is awaited', scannedAgo(2 * HOUR, HOUR)],
  ['deploy', 'the clean head was scanned today, before the finding was seen', scannedAgo(DAY - 1)],
  ['deploy', 'the clean head was scanned since', scannedAgo(MINUTE)],
  ['settled', 'nothing holds it', { heads: [clean] }],
  ['wait unknown-facts', 'the head is not scanned', { heads: [looked('new', NOT_SCANNED)] }],
  ['wait unknown-facts', 'the heads are unknown', withoutHeads()],
  ['refuse no-pipeline', 'the policy names no pipeline', withoutPipeline()],
  ['deploy', 'no pipeline is needed', { ...withoutPipeline(), ...toDeploy }],
  ['wait paused', 'the kill switch', {}, { killSwitch: PAUSED }],
  ['wait paused', 'the kill switch stops a rollout too', toDeploy, { killSwitch: PAUSED }],
  ['refuse report-only', 'the mode', { mode: 'report-only' }],
  ['refuse report-only', 'the mode stops a rollout too', { ...toDeploy, mode: 'report-only' }],
  ['wait already-open', 'another cascade holds its lock', { lock: lock('other-g1') }],
  ['wait already-open', 'it is a node of an open cascade', { openCascadeId: 'other-g1' }],
  ['deploy', 'no rebuild is needed, so that none cools down', { ...toDeploy, history: ended(NOW - 1) }],
  ['deploy', 'a cascade ended early', { ...toDeploy, history: brokenOff(1, NOW) }],
  ['wait cool-down', 'two cascades ended early', { ...toDeploy, history: brokenOff(2, NOW - 5 * MINUTE + 1) }],
  ['deploy', 'two cascades ended early, a while ago', { ...toDeploy, history: brokenOff(2, NOW - 5 * MINUTE) }],
  ['rebuild', 'a cascade ended early before it was built', { history: brokenOff(1, NOW) }],
  ['wait cool-down', 'two cascades ended early before it was built', { history: brokenOff(2, NOW) }],
  ['wait closing', 'what fixes it is built, and older images run', { ...toDeploy, closing: [fact] }],
  ['rebuild', 'what fixed it is no head any more', { closing: [fact] }],
  [
    'nothing',
    'a cascade has it',
    { cause: { ...causeOf(STREAM, fact), state: 'taken', takenBy: { cascadeId: 'c-g1' } } },
  ],
  ['nothing', 'it is closed', { cause: { ...causeOf(STREAM, fact), facts: [], state: 'closed' } }],
  ['rebuild', 'a person asks', { cause: causeOf(STREAM, personFact()), heads: [clean] }],
])('%s: %s', (...[expected, , changes, context]) => {
  expect(endOf(changes, context)).toBe(expected);
});

function brokenOff(inARow: number, atEpochMs: number): RebuildHistory {
  return { ...emptyHistory(STREAM), brokenOff: { inARow, cascadeId: 'c-g1', atEpochMs } };
}
function ended(lastEndedAtEpochMs: number): RebuildHistory {
  return { ...emptyHistory(STREAM), lastEndedAtEpochMs };
}
function withoutPipeline(): Partial<PlannedStream> {
  return { pipeline: undefined } as unknown as Partial<PlannedStream>;
}
function withoutHeads(): Partial<PlannedStream> {
  return { heads: undefined } as unknown as Partial<PlannedStream>;
}

describe('facts of different kinds in one stream', () => {
  const two = (heads: PlannedStream['heads'] = []): Partial<PlannedStream> => ({
    cause: causeOf(STREAM, fact, other),
    heads,
    headDigest: digestOf('head'),
    inUse: [old],
  });
  const hasOther = looked('head', reasonOf(other));

  test('a fact that no image has any longer is settled, the others are planned', () => {
    const { nodes, settled } = plan([planned({ ...two([looked('head', reasonOf(fact))]), inUse: [] })]);
    expect(nodes).toMatchObject([{ work: 'rebuild', facts: [fact] }]);
    expect(settled).toEqual(new Map([[STREAM, [other]]]));
  });

  test('a rebuild also covers facts to be deployed', () => {
    const fixable = findingFact('CVE-2');
    const heads = [looked('head', reasonOf(fixable))];
    const { nodes } = plan([planned({ ...two(heads), cause: causeOf(STREAM, fact, fixable) })]);
    expect(nodes).toMatchObject([{ work: 'rebuild', facts: [fixable, fact] }]);
    expect(nodes[0]?.holders).toEqual([digestOf('head'), digestOf('old')].sort());
  });

  test('a fact that no rebuild fixes does not stop the deployment of a fixed one', () => {
    expect(plan([planned(two([hasOther]))]).nodes).toMatchObject([{ work: 'deploy', facts: [fact] }]);
  });

  test('once that deployment runs, the refusal is reported', () => {
    expect(endOf({ ...two([hasOther]), closing: [fact] })).toBe('refuse would-not-help');
  });

  test('a deployment waits for a rebuild that must wait', () => {
    const fixable = findingFact('CVE-2');
    const history = { ...emptyHistory(STREAM), lastEndedAtEpochMs: NOW - 1 };
    const stream = { ...two([looked('head', reasonOf(fixable))]), cause: causeOf(STREAM, fact, fixable), history };
    expect(endOf(stream)).toBe('wait cool-down');
  });
});

describe('while a review runs', () => {
  const urgentRules = new Set(['urgent']);
  const urgent = findingFact('CVE-1', { ruleId: 'urgent' });
  test.each<[string, string, Partial<PlannedStream>]>([
    ['wait review-running', 'a rule that waits for its end', {}],
    ['rebuild', 'an urgent rule', { cause: causeOf(STREAM, urgent) }],
    [
      'rebuild',
      'an urgent rule beside another',
      { cause: causeOf(STREAM, urgent, ageFact), heads: [looked('h', reasonOf(urgent), reasonOf(ageFact))] },
    ],
    ['rebuild', 'a person', { cause: causeOf(STREAM, personFact()), heads: [clean] }],
    ['refuse report-only', 'what is refused anyway', { mode: 'report-only' }],
    ['settled', 'what nothing holds', { heads: [clean] }],
  ])('%s: %s', (expected, _, changes) => {
    expect(endOf(changes, { urgentRules })).toBe(expected);
  });
});

test('a cascade has one node per planned cause, and a name derived from its work', () => {
  const one = planned();
  const two = planned({
    ...toDeploy,
    cause: causeOf(OTHER, fact, ageFact),
    history: { ...emptyHistory(OTHER), generation: 4 },
  });
  const { cascade, nodes, answers, settled } = plan([one, two]);
  expect(cascade).toEqual({
    cascadeId: expect.stringMatching(/^[0-9a-f]{12}-g4$/),
    policyVersion: 'policy-1',
    plannedAtEpochMs: NOW,
    deadlineEpochMs: NOW + DAY,
    state: 'planned',
    streams: 2,
  });
  const cascadeId = cascade?.cascadeId;
  expect(nodes).toEqual([
    {
      ...{ cascadeId, stream: OTHER, work: 'deploy', wave: 0, causeVersion: 2, facts: [fact], state: 'planned' },
      ...{ holders: [old.digest], headBefore: clean.digest, output: clean.digest },
    },
    {
      ...{ cascadeId, stream: STREAM, work: 'rebuild', wave: 0, causeVersion: 1, facts: [fact], state: 'planned' },
      ...{ holders: [digestOf(`head of ${STREAM}`)], headBefore: digestOf(`head of ${STREAM}`) },
    },
  ]);
  expect(answers).toEqual(new Map());
  expect(settled).toEqual(new Map([[OTHER, [ageFact]]]));
});

test('another generation, version or stream gives another name; the same plan the same name', () => {
  const names = [
    [planned()],
    [planned({ history: { ...emptyHistory(STREAM), generation: 2 } })],
    [planned({ cause: { ...causeOf(STREAM, fact), version: 2 } })],
    [planned({ cause: causeOf(OTHER, fact) })],
    [planned(), planned({ cause: causeOf(OTHER, fact) })],
  ].map((streams) => plan(streams).cascade?.cascadeId);
  expect(new Set(names).size).toBe(names.length);
  expect(plan([planned({ mode: 'enforce' })]).cascade?.cascadeId).toBe(names[0]);
});

test('no causes, no cascade', () => {
  expect(plan([])).toEqual({ nodes: [], answers: new Map(), settled: new Map() });
});

describe('the ramp', () => {
  const streams = [1, 2, 3].map((age) =>
    planned({ cause: causeOf(`s/r/${age}:^1$`, findingFact('CVE-1', { sinceEpochMs: NOW - age * HOUR })) }),
  );
  const begun = (context: Partial<PlanContext>) => plan(streams, context).nodes.map(({ stream }) => stream);

  test.each<[string, Partial<PlanContext>, string[]]>([
    ['no ramp', {}, ['s/r/1:^1$', 's/r/2:^1$', 's/r/3:^1$']],
    ['as many as there are', { ramp: 3 }, ['s/r/1:^1$', 's/r/2:^1$', 's/r/3:^1$']],
    ['two a day', { ramp: 2 }, ['s/r/2:^1$', 's/r/3:^1$']],
    ['two a day, one of them begun', { ramp: 2, begunToday: new Set(['other']) }, ['s/r/3:^1$']],
    ['two a day, both begun', { ramp: 2, begunToday: new Set(['other', 'another']) }, []],
    ['a ramp that was lowered meanwhile', { ramp: 1, begunToday: new Set(['other', 'another']) }, []],
    ['one a day, which is tried again', { ramp: 1, begunToday: new Set(['s/r/1:^1$']) }, ['s/r/1:^1$']],
    ['two a day, one tried again', { ramp: 2, begunToday: new Set(['s/r/1:^1$']) }, ['s/r/1:^1$', 's/r/3:^1$']],
  ])('%s: the oldest causes begin', (_, context, expected) => {
    expect(begun(context)).toEqual(expected);
    const { answers } = plan(streams, context);
    expect([...answers.values()].every(({ reason }) => reason === 'cap-reached')).toBe(true);
    expect(answers.size).toBe(3 - expected.length);
  });

  test('a deployment does not count', () => {
    const deployed = streams.map((stream) => ({ ...stream, ...toDeploy }));
    expect(plan(deployed, { ramp: 1 }).nodes).toHaveLength(3);
  });
});

test('the order of the causes makes no difference', () => {
  fc.assert(
    fc.property(anyStreams, anyContext, fc.integer(), (streams, context, seed) => {
      const shuffled = [...streams].sort((one, two) => hash(one, seed) - hash(two, seed));
      const first = planCascade(streams, context, NOW);
      const second = planCascade(shuffled, context, NOW);
      expect(second.cascade).toEqual(first.cascade);
      expect(second.nodes).toEqual(first.nodes);
      expect(new Map([...second.answers].sort())).toEqual(new Map([...first.answers].sort()));
      expect(new Map([...second.settled].sort())).toEqual(new Map([...first.settled].sort()));
    }),
    { numRuns: 500 },
  );
});

const hash = ({ cause }: PlannedStream, seed: number): number =>
  Number.parseInt(digestOf(`${cause.stream} ${seed}`).slice(7, 15), 16);

test('every open cause gets exactly one of node, wait, refuse and settled; no fact is planned and settled', () => {
  const seen = new Set<string>();
  fc.assert(
    fc.property(anyStreams, anyContext, (streams, context) => {
      const { cascade, nodes, answers, settled } = planCascade(streams, context, NOW);
      expect(cascade?.streams ?? 0).toBe(nodes.length);
      for (const { cause } of streams) {
        const own = nodes.filter(({ stream }) => stream === cause.stream);
        const gone = settled.get(cause.stream) ?? [];
        const isSettled = gone.length === cause.facts.length;
        const ends = own.length + Number(answers.has(cause.stream)) + Number(isSettled);
        expect(ends).toBe(cause.state === 'open' ? 1 : 0);
        const facts: CauseFact[] = own.flatMap((node) => [...node.facts]);
        expect(facts.filter((one) => gone.includes(one))).toEqual([]);
        expect(facts.every((one) => cause.facts.includes(one))).toBe(true);
        if (own.length > 0) expect(facts.length).toBeGreaterThan(0);
        seen.add(own[0]?.work ?? answers.get(cause.stream)?.answer ?? (isSettled ? 'settled' : 'none'));
      }
      if (context.killSwitch.rebuilding === 'paused') expect(nodes).toEqual([]);
    }),
    { numRuns: 2000 },
  );
  expect([...seen].sort()).toEqual(['deploy', 'none', 'rebuild', 'refuse', 'settled', 'wait']);
});

test.each([
  ['an index', digestOf('index'), [clean, looked('other')], undefined],
  ['one image', clean.digest, [clean], undefined],
  ['platforms pushed one by one', clean.digest, [clean, looked('other')], [clean.digest, looked('other').digest]],
])('the deployed images of a head: %s', (_, headDigest, heads, outputs) => {
  const [node] = plan([planned({ ...toDeploy, heads, headDigest })]).nodes;
  expect(node?.output).toBe(headDigest);
  expect(node?.outputs).toEqual(outputs && [...outputs].sort());
});

test.each<[string, Parameters<typeof headDigestOf>[0], string | undefined]>([
  ['no head', undefined, undefined],
  ['an index', { images: { 'linux/amd64': digestOf('a') }, index: digestOf('index') }, digestOf('index')],
  ['one image', { images: { 'linux/amd64': digestOf('a') } }, digestOf('a')],
  [
    'platforms pushed one by one',
    { images: { 'linux/arm64': digestOf('b'), 'linux/amd64': digestOf('a') } },
    digestOf('a'),
  ],
])('the digest of a head: %s', (_, head, expected) => {
  expect(headDigestOf(head)).toBe(expected);
});
