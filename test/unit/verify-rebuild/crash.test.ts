import { CrashError, crashAt, type Turns } from '../../support/fakes/interleave.ts';
import {
  causeOf,
  finding,
  NEW,
  push,
  pushIndex,
  REBUILD,
  rebuildOf,
  STREAM,
  VerifyMachine,
  type VerifyWorld,
  verifyWorld,
} from './support.ts';

/** A candidate for two platforms, with a flaw of its own, whose scans end at once. */
async function scene(state: VerifyMachine['state']) {
  const world = await verifyWorld({ promotes: true });
  push(world, 'new', { label: REBUILD });
  push(world, 'amd', { label: REBUILD, platform: 'linux/amd64' });
  pushIndex(world, 'index', { new: 'linux/arm64', amd: 'linux/amd64' }, ['22-candidate']);
  world.scanner.finds(NEW, [finding('CVE-2026-3')]).completesAtOnce = true;
  return { world, machine: await new VerifyMachine(world).run(state) };
}

/** All that verification leaves in the ledger, but for the instants of a second attempt. */
async function left(world: VerifyWorld) {
  const images = [...world.images.records.values()].map(
    ({ judgedAtEpochMs, scan, birth, verdict, lastKnown, lastGood, ...rest }) => ({
      ...rest,
      state: scan.state,
      verdict: verdict?.status,
      lastResults: [lastKnown?.resultAtEpochMs, lastGood?.resultAtEpochMs],
    }),
  );
  const stream = (await world.streams.streams([STREAM])).get(STREAM);
  const { verifyingSinceEpochMs, promotedAtEpochMs, ...rebuild } = await rebuildOf(world);
  const node = await world.cascades.node(rebuild.cascadeId, STREAM);
  const { facts = [], state, version } = (await causeOf(world)) ?? {};
  const keys = facts.map((fact) => (fact.kind === 'finding' ? fact.vulnerability : fact.kind));
  const isPromoted = promotedAtEpochMs !== undefined;
  return { images, stream, rebuild, isPromoted, node, cause: { keys, state, version }, moved: world.tagger.moved };
}

const states = ['find-output', 'check', 'promote'] as const;

async function callsOf(state: (typeof states)[number]): Promise<readonly string[]> {
  const { machine } = await scene(state);
  const turns: Turns & { steps: string[] } = crashAt(Number.POSITIVE_INFINITY);
  await machine.step(turns);
  return turns.steps;
}

const places = (
  await Promise.all(
    states.map(async (state) =>
      (
        await callsOf(state)
      ).flatMap((call, index) => [
        { state, call, index, side: 'before' as const },
        { state, call, index, side: 'after' as const },
      ]),
    ),
  )
).flat();

test('there are several calls at which it can be killed, and the move of the tag is one', () => {
  expect(places.length).toBeGreaterThan(60);
  expect(places.map(({ state, call }) => `${state}: ${call}`)).toEqual(
    expect.arrayContaining([
      'promote: tagger.tag',
      'check: scanner.start',
      'find-output: refreshes.send',
      'promote: refreshes.send',
      'find-output: rebuilds.record',
    ]),
  );
});

test.each(places)('$state, killed $side call $index, $call: the retry ends in the same state', async (place) => {
  const undisturbed = await scene('find-output');
  await undisturbed.machine.run();
  const { world, machine } = await scene(place.state);
  await expect(machine.step(crashAt(place.index, place.side))).rejects.toThrow(CrashError);
  await machine.run();
  expect(await left(world)).toEqual(await left(undisturbed.world));
  expect((await rebuildOf(world)).outcome).toMatchObject({ result: 'fixed' });
});
