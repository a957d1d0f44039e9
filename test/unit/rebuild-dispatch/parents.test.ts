import type { CascadeNode, NodeState } from '../../../shared/domain/cause/cascade.ts';
import type { CauseFact } from '../../../shared/domain/cause/cause.ts';
import { MINUTE_MS } from '../../../shared/domain/common/time.ts';
import type { LineageEvidence } from '../../../shared/domain/lineage/parent.ts';
import { NOTHING_LOST, summarizeCascade } from '../../../shared/domain/rollout/cascade-end.ts';
import { parseStreamId } from '../../../shared/domain/stream/stream.ts';
import type { StreamRecord } from '../../../shared/domain/stream/stream-record.ts';
import type { ImageRecord } from '../../../shared/domain/verdict/image-record.ts';
import type { Reason } from '../../../shared/domain/verdict/verdict.ts';
import { ageFact, cascade, node, rebuild } from '../../support/rebuild-samples.ts';
import { digestOf, HOUR_MS, imageProperties, stream, verdict } from '../../support/samples.ts';
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
  plan,
  STREAM,
  slotsHeld,
  streamOf,
} from './support.ts';

const PARENT = streamOf(1);

/** The node of a parent in the same cascade, as it is by now. */
async function parentIs(world: DispatchWorld, changes: Partial<CascadeNode>): Promise<void> {
  const plannedAtEpochMs = world.clock();
  const planned = cascade(CASCADE, { plannedAtEpochMs, deadlineEpochMs: plannedAtEpochMs + 24 * HOUR_MS });
  const isThere = await world.cascades.node(CASCADE, PARENT);
  if (isThere) {
    await world.cascades.changeNode(CASCADE, PARENT, (before) => ({ ...before, ...changes }));
    return;
  }
  await world.cascades.beginPlanning('planner', { nowEpochMs: plannedAtEpochMs, untilEpochMs: plannedAtEpochMs + 1 });
  await world.cascades.write('planner', planned, [node(CASCADE, PARENT, changes)]);
  await world.cascades.endPlanning('planner');
}

const child = async (world: DispatchWorld) =>
  new NodeMachine(world, await plan(world, CASCADE, { wave: 1, parents: [PARENT], follows: true }));

test.each<[NodeState, Partial<CascadeNode>]>([
  ['failed', { outcome: { result: 'failed', reason: 'exit 1' } }],
  ['ineffective', { outcome: { result: 'ineffective', left: [criticalFact] } }],
  ['unverified', { outcome: { result: 'unverified', reason: 'no scan' } }],
  ['refused', { answer: { answer: 'refuse', reason: 'attempts-exhausted', detail: 'three failed' } }],
  ['waiting', { answer: { answer: 'wait', reason: 'cap-reached', detail: 'all taken' } }],
])('a node whose parent ended %s is not built, and gives its cause back', async (state, changes) => {
  const world = await dispatchWorld();
  await parentIs(world, { state, ...changes });
  const machine = await (await child(world)).run();
  expect(machine.settled).toMatchObject({ state: 'waiting', detail: expect.stringContaining(PARENT) });
  const ended = await nodeOf(world, machine.node);
  expect(ended).toMatchObject({ state: 'waiting', answer: { answer: 'wait', reason: 'parent-not-verified' } });
  expect(ended.answer?.detail).toContain(`ended without a verified image (${state}`);
  expect(await causeOf(world)).toMatchObject({ state: 'open', answer: { reason: 'parent-not-verified' } });
  expect(world.runner.started).toEqual([]);
  expect(await historyOf(world)).toMatchObject({ failuresInARow: 0 });
  expect((await historyOf(world))?.brokenOff).toBeUndefined();
  expect(await slotsHeld(world)).toEqual([]);
  expect(await world.locks.get(STREAM)).toBeUndefined();
  expect(summarizeCascade([ended], [], NOTHING_LOST).failure?.detail).toContain(
    `stream ${STREAM}: waiting (parent-not-verified`,
  );
});

test.each<[string, Partial<CascadeNode>]>([
  ['verified', { state: 'verified', output: digestOf('new base') }],
  ['verified by a deployment', { state: 'verified', work: 'deploy', output: digestOf('base') }],
  ['fixed by somebody else', { state: 'waiting', answer: { answer: 'wait', reason: 'head-fixed', detail: 'free' } }],
])('a node whose parent is %s is built', async (_, changes) => {
  const world = await dispatchWorld();
  await parentIs(world, changes);
  await (await child(world)).run('waiting');
  expect(world.runner.started).toHaveLength(1);
});

test('a parent that has not ended is waited for', async () => {
  const world = await dispatchWorld();
  await parentIs(world, { state: 'building' });
  const machine = await child(world);
  await machine.step();
  expect(machine.state).toBe('reserve');
  expect(await nodeOf(world, machine.node)).toMatchObject({ state: 'planned', answer: { reason: 'parent-on-hold' } });
  expect(world.runner.started).toEqual([]);
  await parentIs(world, { state: 'verified', output: digestOf('new base') });
  await machine.run('waiting');
  expect(world.runner.started).toHaveLength(1);
});

test('a started build is awaited, even if its parent changes', async () => {
  const world = await dispatchWorld();
  await parentIs(world, { state: 'verified', output: digestOf('new base') });
  const machine = await (await child(world)).run('waiting');
  await parentIs(world, { state: 'failed' });
  finishLast(world, { state: 'succeeded' });
  await machine.run();
  expect(machine.settled).toMatchObject({ state: 'verified' });
});

test('a node without a cause of its own leaves no cause behind', async () => {
  const world = await dispatchWorld();
  await parentIs(world, { state: 'failed' });
  const machine = await child(world);
  await world.causes.change(
    STREAM,
    (cause) => cause && ({ ...cause, state: 'closed', facts: [], takenBy: undefined } as never),
  );
  await machine.run();
  expect(await causeOf(world)).toMatchObject({ state: 'closed' });
});

describe('parents of a stream', () => {
  const record = (id: string, head: string): StreamRecord => {
    const { location, name: headTag } = parseStreamId(id);
    return { ...stream({ stream: id, location, headTag }), head: { images: { 'linux/amd64': digestOf(head) } } };
  };

  async function lineage(world: DispatchWorld, head: string, on: string): Promise<void> {
    for (const [name, of] of [[head, STREAM] as const, [on, PARENT] as const]) {
      const before = (await world.streams.streams([of])).get(of);
      await world.streams.recordStream(record(of, name), before);
      await world.images.recordProperties({ ...imageProperties(name), digest: digestOf(name), stream: of });
      await world.images.recordJudgement({
        ...{ digest: digestOf(name), scan: { state: 'complete', coverage: ['os'] }, judgedAtEpochMs: world.clock() },
        verdict: verdict('violating', {
          reasons: [
            {
              ...{ kind: 'finding', ruleId: 'critical', effect: 'violates', severity: 'critical', fix: 'yes' },
              ...{ vulnerability: 'CVE-2026-1', package: 'openssl', version: '3.0.1', firstSeenAtEpochMs: 1 },
            },
          ],
        }),
      });
    }
    builtOn(world, head, on);
  }

  const survived = (parentHead: string) => ({
    fact: 'finding' as const,
    kind: 'rebuild' as const,
    ...{ vulnerability: 'CVE-2026-1', package: 'openssl', version: '3.0.1', atEpochMs: 1 },
    parentHead: digestOf(parentHead),
  });

  test('is recorded with its rebuild and with the surviving facts', async () => {
    const world = await dispatchWorld();
    await lineage(world, 'app', 'base');
    const machine = new NodeMachine(world, await plan(world), { result: 'ineffective', left: [criticalFact] });
    await machine.run('waiting');
    finishLast(world, { state: 'succeeded' });
    await machine.run();
    expect(await world.rebuilds.get(STREAM, machine.node.rebuildId)).toMatchObject({ parentHead: digestOf('base') });
    expect((await historyOf(world))?.survived).toMatchObject([{ parentHead: digestOf('base') }]);
    const { parents } = (await world.rebuilds.get(STREAM, machine.node.rebuildId)) ?? {};
    expect(parents).toMatch(/^[0-9a-f]{12}$/);
    expect((await historyOf(world))?.tried).toEqual([{ parents, facts: [{ fact: 'CVE-2026-1\nopenssl', builds: 1 }] }]);
  });

  test('is the one that the output shows, also if its reservation names another one', async () => {
    const world = await dispatchWorld();
    await lineage(world, 'app', 'base');
    const machine = new NodeMachine(world, await plan(world), { result: 'ineffective', left: [criticalFact] });
    await machine.run('waiting');
    const builtOn = { parents: 'platform=1', parentHead: digestOf('platform') };
    await world.rebuilds.record(STREAM, machine.node.rebuildId, (before) => before && { ...before, builtOn });
    finishLast(world, { state: 'succeeded' });
    await machine.run();
    const { survived: left = [], tried = [] } = (await historyOf(world)) ?? {};
    expect(left.map((one) => one.parentHead)).toEqual([digestOf('platform'), digestOf('base')]);
    const { parents } = (await world.rebuilds.get(STREAM, machine.node.rebuildId)) ?? {};
    expect(tried.map((one) => one.parents)).toEqual(['platform=1', parents]);
  });

  test('refuses facts that a rebuild on it did not fix, until the parent was rebuilt, in the ledger or not', async () => {
    for (const [output, isBuilt] of [
      ['base', false],
      ['new base', true],
    ] as const) {
      const world = await dispatchWorld();
      await lineage(world, 'app', 'base');
      await world.guards.change(STREAM, (history) => ({ ...history, survived: [survived('base')] }));
      await parentIs(world, { state: 'verified', output: digestOf(output) });
      const machine = await child(world);
      await machine.run(isBuilt ? 'waiting' : 'done');
      expect(world.runner.started).toHaveLength(isBuilt ? 1 : 0);
      if (!isBuilt)
        expect(await nodeOf(world, machine.node)).toMatchObject({
          state: 'refused',
          answer: { reason: 'ineffective' },
        });
    }
  });

  test('refuses facts that a rebuild on the base of its head did not fix, also if the cascade builds another base', async () => {
    for (const [head, isBuilt] of [
      ['other base', false],
      ['base', true],
    ] as const) {
      const world = await dispatchWorld();
      await lineage(world, 'before', 'base');
      await lineage(world, 'app', 'base');
      const other = streamOf(2);
      const is = (await world.streams.streams([other])).get(other);
      await world.streams.recordStream(record(other, 'other base'), is);
      const based = world.images.records.get(digestOf('base'));
      if (!based) throw new Error('the test knows the base');
      const digest = digestOf('other base');
      world.images.records.set(digest, { ...based, digest, stream: other });
      builtOn(world, 'app', 'other base');
      await world.guards.change(STREAM, (history) => ({ ...history, survived: [survived(head)] }));
      await parentIs(world, { state: 'verified', output: digestOf('base') });
      const machine = await child(world);
      await machine.run(isBuilt ? 'waiting' : 'done');
      expect(world.runner.started).toHaveLength(isBuilt ? 1 : 0);
      if (isBuilt) continue;
      const refused = { state: 'refused', answer: { reason: 'ineffective' } };
      expect(await nodeOf(world, machine.node)).toMatchObject(refused);
    }
  });

  test('refuses a stream that is built on itself through another stream', async () => {
    const world = await dispatchWorld();
    await lineage(world, 'app', 'old base');
    await lineage(world, 'old app', 'base');
    const { location, name: headTag } = parseStreamId(STREAM);
    const before = (await world.streams.streams([STREAM])).get(STREAM);
    const images = { 'linux/amd64': digestOf('app') };
    await world.streams.recordStream({ ...stream({ stream: STREAM, location, headTag }), head: { images } }, before);
    builtOn(world, 'base', 'old app');
    builtOn(world, 'old app', undefined);
    const machine = await new NodeMachine(world, await plan(world)).run();
    expect(await nodeOf(world, machine.node)).toMatchObject({ state: 'refused', answer: { reason: 'cycle' } });
  });

  test.each([
    ['has no pipeline', 1, 'building'],
    ['has one', 2, 'refused'],
  ] as const)('count for the depth as in a plan: one that %s', async (_, pipelines, state) => {
    const world = await dispatchWorld({ depth: 1, pipelines });
    await lineage(world, 'app', 'base');
    const machine = await new NodeMachine(world, await plan(world)).run(state === 'building' ? 'waiting' : 'done');
    const refused = { answer: { reason: 'depth' } };
    expect(await nodeOf(world, machine.node)).toMatchObject({ state, ...(state === 'refused' && refused) });
    expect(world.runner.started).toHaveLength(state === 'building' ? 1 : 0);
  });

  test('is built if two reviews found one half of a parent cycle each', async () => {
    const world = await dispatchWorld();
    await lineage(world, 'app', 'base');
    builtOn(world, 'app', 'base', 'label-digest');
    builtOn(world, 'base', 'app', 'label-name');
    await new NodeMachine(world, await plan(world)).run('waiting');
    expect(world.runner.started).toHaveLength(1);
  });
});

describe('the head of a parent that somebody else pushed', () => {
  const found: Reason = {
    ...{ kind: 'finding', ruleId: 'critical', effect: 'violates', severity: 'critical', fix: 'yes' },
    ...{ vulnerability: 'CVE-2026-1', package: 'openssl', version: '3.0.1', firstSeenAtEpochMs: 1 },
  };
  const fresh: Reason = { ...found, vulnerability: 'CVE-2026-2' };

  /** An image of a stream, judged by those reasons or not at all. */
  async function image(world: DispatchWorld, name: string, of: string, reasons?: readonly Reason[]): Promise<void> {
    await world.images.recordProperties({
      ...imageProperties(name),
      digest: digestOf(name),
      chainId: digestOf(`chain ${name}`),
      stream: of,
    });
    if (!reasons) return;
    await world.images.recordJudgement({
      ...{ digest: digestOf(name), scan: { state: 'complete', coverage: ['os'] }, judgedAtEpochMs: world.clock() },
      verdict: verdict(reasons.length > 0 ? 'violating' : 'compliant', { reasons }),
    });
  }

  async function headIs(world: DispatchWorld, name: string, of: string): Promise<void> {
    const { location, name: headTag } = parseStreamId(of);
    const before = (await world.streams.streams([of])).get(of);
    const head = { images: { 'linux/amd64': digestOf(name) } };
    await world.streams.recordStream({ ...stream({ stream: of, location, headTag }), head }, before);
  }

  /** The application holds the cause and is built on the base before; the base has another head by now. */
  async function pushed(world: DispatchWorld, reasons?: readonly Reason[]): Promise<void> {
    await image(world, 'app', STREAM, [found]);
    await image(world, 'base', PARENT, [found]);
    await image(world, 'new base', PARENT, []);
    await image(world, 'pushed', PARENT, reasons);
    await headIs(world, 'app', STREAM);
    await headIs(world, 'pushed', PARENT);
    builtOn(world, 'app', 'base');
  }
  const verified = { state: 'verified', headBefore: digestOf('base'), output: digestOf('new base') } as const;

  test.each<[string, readonly Reason[] | undefined, RegExp]>([
    ['is not judged', undefined, /not judged yet/],
    ['has a finding that the node has not', [fresh], /CVE-2026-2 in openssl/],
  ])('%s: nothing is built on it, and the node is planned again', async (_, reasons, why) => {
    for (const isInCascade of [true, false]) {
      const world = await dispatchWorld();
      await pushed(world, reasons);
      if (isInCascade) await parentIs(world, verified);
      const machine = isInCascade ? await child(world) : new NodeMachine(world, await plan(world));
      await machine.run();
      expect(world.runner.started).toEqual([]);
      const ended = await nodeOf(world, machine.node);
      expect(ended).toMatchObject({ state: 'waiting', answer: { reason: 'parent-not-verified' } });
      expect(ended.answer?.detail).toMatch(why);
      expect(await causeOf(world)).toMatchObject({ state: 'open' });
      expect(await slotsHeld(world)).toEqual([]);
      const brokenOff = { inARow: 1, cascadeId: machine.node.cascadeId, notBuilt: ended.answer?.detail };
      expect(await historyOf(world)).toMatchObject({ brokenOff });
    }
  });

  test.each<[string, readonly Reason[]]>([
    ['is clean', []],
    ['has only what the node has, too', [found]],
  ])('%s: it is built upon', async (_, reasons) => {
    const world = await dispatchWorld();
    await pushed(world, reasons);
    await parentIs(world, verified);
    await (await child(world)).run('waiting');
    expect(world.runner.started).toHaveLength(1);
  });

  /** The parent was built by its rebuild; the ledger has the head of before, in which the node's own fact is. */
  async function replaced(endedMinutesAgo: number): Promise<DispatchWorld> {
    const world = await dispatchWorld();
    await pushed(world);
    await headIs(world, 'base', PARENT);
    const endedAtEpochMs = world.clock() - endedMinutesAgo * MINUTE_MS;
    await world.rebuilds.record(PARENT, 'p', () => ({ ...rebuild('p'), stream: PARENT, endedAtEpochMs }));
    await parentIs(world, { ...verified, rebuildId: 'p' });
    return world;
  }

  test('is again the one that the cascade replaced: nothing is built on it, and the node is planned again', async () => {
    const world = await replaced(15);
    const machine = await (await child(world)).run();
    expect(world.runner.started).toEqual([]);
    const ended = await nodeOf(world, machine.node);
    expect(ended).toMatchObject({ state: 'waiting', answer: { reason: 'parent-not-verified' } });
    expect(ended.answer?.detail).toContain(`is ${digestOf('base')} again, which this cascade replaced`);
    expect(await causeOf(world)).toMatchObject({ state: 'open' });
  });

  test('is still the one before, and its push was just now: the node waits for it, then it is built', async () => {
    const world = await replaced(14);
    const machine = await child(world);
    await machine.step();
    expect(world.runner.started).toEqual([]);
    expect(await nodeOf(world, machine.node)).toMatchObject({ state: 'planned', answer: { reason: 'parent-on-hold' } });
    await headIs(world, 'new base', PARENT);
    await machine.run('waiting');
    expect(world.runner.started).toHaveLength(1);
  });

  test('is not judged, and an unread repository hides the age of the node: it is not built', async () => {
    const world = await dispatchWorld();
    await pushed(world);
    const { lineage: _, ...app } = world.images.records.get(digestOf('app')) as ImageRecord;
    const parentAsBefore = { digest: digestOf('pushed'), evidence: 'layers' } as const;
    const hidden = {
      mayLieBelow: ['111122223333/eu-west-1/base/node'],
      isParentAsBefore: true,
      parentAsBefore,
    } as const;
    world.images.records.set(app.digest, { ...app, ...hidden });
    const machine = await new NodeMachine(world, await plan(world)).run();
    expect(world.runner.started).toEqual([]);
    expect(await nodeOf(world, machine.node)).toMatchObject({
      answer: { detail: expect.stringMatching(/not judged yet/) },
    });
  });

  test('is unknown if the lineage of the node is unread: the node is not built and is planned again', async () => {
    const world = await dispatchWorld();
    await image(world, 'app', STREAM, [found]);
    await headIs(world, 'app', STREAM);
    const machine = await new NodeMachine(world, await plan(world)).run();
    expect(world.runner.started).toEqual([]);
    const ended = await nodeOf(world, machine.node);
    expect(ended).toMatchObject({ state: 'waiting', answer: { reason: 'parent-not-verified' } });
    expect(ended.answer?.detail).toContain(`The parent of image ${digestOf('app')} is unknown`);
    expect(await causeOf(world)).toMatchObject({ state: 'open' });
  });

  test.each<[string, readonly CauseFact[], boolean]>([
    ['is not built for its age alone', [ageFact], false],
    ['is built for a finding beside its age', [ageFact, criticalFact], true],
  ])('may be unread by now, so that a build would have no known age: a node %s', async (_, asked, isBuilt) => {
    const world = await dispatchWorld();
    const old: Reason = { kind: 'age', ruleId: 'age', effect: 'violates', bornAtEpochMs: 1, limitDays: 30 };
    await image(world, 'app', STREAM, [found, old]);
    await headIs(world, 'app', STREAM);
    builtOn(world, 'app');
    const known = world.images.records.get(digestOf('app'));
    if (!known?.lineage) throw new Error('the test placed it');
    const mayLieBelowNext = ['111122223333/eu-west-1/base/node'];
    world.images.records.set(known.digest, { ...known, lineage: { ...known.lineage, mayLieBelowNext } });
    const machine = new NodeMachine(world, await plan(world, CASCADE, { facts: asked }));
    await machine.run(isBuilt ? 'waiting' : 'done');
    expect(world.runner.started).toHaveLength(isBuilt ? 1 : 0);
    if (isBuilt) {
      expect(await world.rebuilds.get(STREAM, machine.node.rebuildId)).toMatchObject({ facts: [criticalFact] });
      return;
    }
    const ended = await nodeOf(world, machine.node);
    expect(ended).toMatchObject({ state: 'waiting', answer: { reason: 'parent-not-verified' } });
    expect(ended.answer?.detail).toContain('it may be built on an image of 111122223333/eu-west-1/base/node');
    expect(await causeOf(world)).toMatchObject({ state: 'open' });
  });

  test('is that of the running image if the node has no head: the node is not built until it is judged', async () => {
    for (const isJudged of [false, true]) {
      const world = await dispatchWorld();
      await pushed(world, isJudged ? [] : undefined);
      const before = (await world.streams.streams([STREAM])).get(STREAM);
      const { location, name: headTag } = parseStreamId(STREAM);
      const { head: _, ...headless } = stream({ stream: STREAM, location, headTag });
      await world.streams.recordStream(headless, before);
      await world.images.recordPresence(digestOf('app'), { inUse: true });
      await world.streamImages.record(STREAM, { digest: digestOf('app') });
      const machine = await new NodeMachine(world, await plan(world)).run(isJudged ? 'waiting' : 'done');
      expect(world.runner.started).toHaveLength(isJudged ? 1 : 0);
      if (isJudged) continue;
      const { state, answer } = await nodeOf(world, machine.node);
      expect({ state, answer }).toMatchObject({ state: 'waiting', answer: { reason: 'parent-not-verified' } });
      expect(answer?.detail).toContain(digestOf('pushed'));
    }
  });

  test('is no obstacle if it is the verified output of the cascade', async () => {
    const world = await dispatchWorld();
    await pushed(world);
    await headIs(world, 'new base', PARENT);
    await parentIs(world, verified);
    await (await child(world)).run('waiting');
    expect(world.runner.started).toHaveLength(1);
  });
});

function builtOn(world: DispatchWorld, child: string, parent?: string, evidence: LineageEvidence = 'layers'): void {
  const known = world.images.records.get(digestOf(child));
  if (!known) throw new Error(`the test knows no image ${child}`);
  const below = parent === undefined ? {} : { parent: { digest: digestOf(parent), evidence } };
  world.images.records.set(known.digest, { ...known, lineage: { ...below, age: { known: false, unknown: [] } } });
}
