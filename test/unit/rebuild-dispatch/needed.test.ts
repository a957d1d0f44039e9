import type { CascadeNode } from '../../../shared/domain/cause/cascade.ts';
import { type CauseFact, factKey } from '../../../shared/domain/cause/cause.ts';
import type { Digest } from '../../../shared/domain/image/image.ts';
import { parseStreamId } from '../../../shared/domain/stream/stream.ts';
import type { Judgement } from '../../../shared/domain/verdict/image-record.ts';
import type { Reason, Verdict } from '../../../shared/domain/verdict/verdict.ts';
import { alone, digestOf, imageProperties, stream, verdict } from '../../support/samples.ts';
import { NodeMachine } from './machine.ts';
import {
  CASCADE,
  causeOf,
  criticalFact,
  type DispatchWorld,
  dispatchWorld,
  finishLast,
  historyOf,
  nodeOf,
  personFact,
  plan,
  STREAM,
  slotsHeld,
} from './support.ts';

const HELD: Reason = {
  ...{ kind: 'finding', ruleId: 'critical', effect: 'violates', severity: 'critical', fix: 'yes' },
  ...{ vulnerability: 'CVE-2026-1', package: 'openssl', version: '3.0.1', firstSeenAtEpochMs: 1 },
};
const CLEAN = verdict('compliant', { reasons: [] });
const HOLDING = verdict('violating', { reasons: [HELD] });

/** The stream has such a head from now on; one without a verdict was pushed a moment ago. */
async function headIs(world: DispatchWorld, judged: Record<string, Verdict | undefined>): Promise<void> {
  const images: Record<`linux/${string}`, Digest> = {};
  for (const [name, judgedAs] of Object.entries(judged)) {
    const digest = digestOf(name);
    images[`linux/${name}`] = digest;
    await world.images.recordProperties({ ...imageProperties(name), digest });
    await world.images.recordLineage(digest, alone({ ...imageProperties(name), digest }));
    const judgement = {
      digest,
      scan: { state: 'complete', coverage: ['os'] },
      judgedAtEpochMs: world.clock(),
    } satisfies Partial<Judgement>;
    if (judgedAs) await world.images.recordJudgement({ ...judgement, verdict: judgedAs });
  }
  const { location, name: headTag } = parseStreamId(STREAM);
  const before = (await world.streams.streams([STREAM])).get(STREAM);
  await world.streams.recordStream({ ...stream({ stream: STREAM, location, headTag }), head: { images } }, before);
}

const planned = async (world: DispatchWorld, ...asked: CauseFact[]) =>
  new NodeMachine(world, await plan(world, CASCADE, { facts: asked.length > 0 ? asked : [criticalFact] }));

test('a head that somebody fixed meanwhile is not built again: the node ends, and its cause is planned again', async () => {
  const world = await dispatchWorld();
  await headIs(world, { arm64: CLEAN });
  const machine = await (await planned(world)).run();
  expect(machine.settled).toMatchObject({ state: 'waiting', detail: expect.stringContaining('head-fixed') });
  expect(await causeOf(world)).toMatchObject({ state: 'open', answer: { answer: 'wait', reason: 'head-fixed' } });
  expect(await historyOf(world)).toMatchObject({ failuresInARow: 0 });
  expect(world.runner.started).toEqual([]);
  expect(await world.locks.get(STREAM)).toBeUndefined();
  expect(await slotsHeld(world)).toEqual([]);
});

test('a head that somebody fixed after the reservation is not built either', async () => {
  const world = await dispatchWorld();
  await headIs(world, { arm64: HOLDING });
  const machine = await (await planned(world)).run('build');
  await world.killSwitch.set({ rebuilding: 'paused', by: 'ann', reason: 'a bad base', atEpochMs: 1 });
  await machine.run('reserve');
  await world.killSwitch.set({ rebuilding: 'active', by: 'ann', reason: 'fixed', atEpochMs: 2 });
  await headIs(world, { arm64: CLEAN });
  await machine.run();
  expect(machine.settled?.state).toBe('waiting');
  expect(world.runner.started).toEqual([]);
  expect(await world.locks.get(STREAM)).toBeUndefined();
});

test('an unjudged new head is awaited and then decides', async () => {
  const world = await dispatchWorld();
  await headIs(world, { arm64: undefined });
  const machine = await planned(world);
  await machine.step();
  expect(machine.state).toBe('reserve');
  expect(await nodeOf(world, machine.node)).toMatchObject({ state: 'planned', answer: { reason: 'unknown-facts' } });
  expect(await slotsHeld(world)).toEqual([]);
  await headIs(world, { arm64: HOLDING });
  await machine.run('waiting');
  expect(world.runner.started).toHaveLength(1);
});

test.each<[string, Record<string, Verdict | undefined>, readonly CauseFact[]]>([
  ['one platform holds the fact', { arm64: CLEAN, amd64: HOLDING }, [criticalFact]],
  ['one platform has it, and the other is unknown', { arm64: undefined, amd64: HOLDING }, [criticalFact]],
  [
    'one of several facts is held',
    { arm64: HOLDING },
    [{ ...criticalFact, vulnerability: 'CVE-9' } as CauseFact, criticalFact],
  ],
  ['a person asked for it', { arm64: CLEAN }, [personFact]],
  ['there is no head yet', {}, [criticalFact]],
])('is built where %s', async (_, head, asked) => {
  const world = await dispatchWorld();
  await headIs(world, head);
  await (await planned(world, ...asked)).run('waiting');
  expect(world.runner.started).toHaveLength(1);
});

describe('a finding that a waiver covers in the stream, which has a cause for another one', () => {
  const WAIVED = verdict('compliant', { reasons: [{ ...HELD, effect: 'waived', waiverId: 'W-1' }] });
  const run = async (changes: Partial<CascadeNode>, hasCause = true) => {
    const world = await dispatchWorld();
    await headIs(world, { arm64: WAIVED });
    const machine = new NodeMachine(world, await plan(world, CASCADE, { facts: [criticalFact], ...changes }));
    if (!hasCause) await world.cascades.changeNode(CASCADE, STREAM, ({ causeVersion, ...node }) => node);
    return { world, machine };
  };

  test('is rebuilt if streams built on it need it fixed', async () => {
    const { world, machine } = await run({ factsOfOthers: [factKey(criticalFact)] });
    await machine.run('waiting');
    expect(world.runner.started).toHaveLength(1);
  });

  test.each<[string, Partial<CascadeNode>, boolean, readonly CauseFact[] | undefined]>([
    ['those of others', { factsOfOthers: [factKey(criticalFact)] }, true, [criticalFact]],
    ['all of a stream without a cause of its own', {}, false, [criticalFact]],
    ['none of its own', { facts: [criticalFact, personFact] }, true, undefined],
  ])('the rebuild names the facts that count by content: %s', async (_, changes, hasCause, expected) => {
    const { world, machine } = await run(changes, hasCause);
    await machine.run('waiting');
    const [rebuild] = await world.rebuilds.latest(STREAM, 1);
    expect(rebuild).toBeDefined();
    expect(rebuild?.factsOfOthers).toEqual(expected?.map(factKey));
  });

  test('is not rebuilt for the stream itself', async () => {
    const { world, machine } = await run({});
    await machine.run();
    expect(machine.settled).toMatchObject({ state: 'waiting', detail: expect.stringContaining('head-fixed') });
    expect(world.runner.started).toEqual([]);
  });
});

test('a started build is awaited, even if the head changes', async () => {
  const world = await dispatchWorld();
  await headIs(world, { arm64: HOLDING });
  const machine = await (await planned(world)).run('waiting');
  await headIs(world, { arm64: CLEAN });
  finishLast(world, { state: 'succeeded' });
  await machine.run();
  expect(machine.settled?.state).toBe('verified');
});
