import { Random } from '../../../local/fleet/random.ts';
import { collect } from '../../../shared/concurrency.ts';
import { BUILT_IN_VERSION } from '../../../shared/domain/policy/built-in-policy.ts';
import type { ImageRecord } from '../../../shared/domain/verdict/image-record.ts';
import type { FakeWorld } from '../../support/fakes/world.ts';
import { MemoryFleet } from '../convergence/fleet.ts';
import { review } from '../convergence/review.ts';
import { noTrouble } from '../convergence/trouble.ts';

const SEEDS = [1, 2, 3, 4, 5, 6];

const reviewed = async ({ world }: MemoryFleet): Promise<void> => {
  await (await review(world, noTrouble(new Random(1)))).deliverLate();
};

/** How a document in force may come to be unreadable. */
const HARM: Readonly<Record<string, (world: FakeWorld, version: string) => void>> = {
  'is missing': ({ policies }, version) => policies.lose(version),
  'is no JSON': ({ policies }, version) => policies.replace(version, '{"version": 1, "ages"'),
  'lacks what a policy needs': ({ policies }, version) => policies.replace(version, '{"version": 1}'),
  'is of a later version of Patchwave': ({ policies }, version) => policies.replace(version, '{"version": 2}'),
  'is named by a damaged item': ({ policies }) => policies.damagePointer(),
};

const originOf = ({ tier, stream, owner }: ImageRecord) => ({ tier, stream, owner });
const byDigest = <Value>(world: FakeWorld, of: (record: ImageRecord) => Value): Record<string, Value> =>
  Object.fromEntries([...world.images.records.values()].map((record) => [record.digest, of(record)] as const));

async function endedReview(world: FakeWorld) {
  const { ended } = await world.runs.latest();
  if (!ended) throw new Error('no review ended');
  return ended;
}

describe.each(Object.entries(HARM))('a policy document that %s', (_, harm) => {
  test.each(SEEDS)('lets a review of fleet %i read everything and judge nothing', async (seed) => {
    const [fleet, twin] = [await MemoryFleet.of(seed), await MemoryFleet.of(seed)];
    const { world } = fleet;
    await reviewed(fleet);
    await reviewed(twin);
    const { version, policy } = await world.policies.current();
    const before = {
      origins: byDigest(world, originOf),
      streams: world.streams.dump(),
      causes: await collect(world.causes.open()),
    };
    harm(world, version);
    fleet.aDayLater();
    twin.aDayLater();
    await reviewed(fleet);
    await reviewed(twin);

    const { policyVersion, state, failure, totals } = await endedReview(world);
    expect({ policyVersion, state }).toEqual({ policyVersion: BUILT_IN_VERSION, state: 'failed' });
    expect(failure?.detail).toMatch(/^policy .*PolicyUnreadableError.*`patchwave policy apply FILE`/);
    expect(totals?.outcomes).toMatchObject({ compliant: 0, violating: 0 });
    expect(totals?.found).toBe((await endedReview(twin.world)).totals?.found);
    expect(totals?.inventory).toEqual((await endedReview(twin.world)).totals?.inventory);
    const inUse = [...world.images.records.values()].filter((record) => record.inUse);
    expect(inUse.length).toBeGreaterThan(0);
    for (const { verdict } of inUse)
      expect(verdict).toMatchObject({ status: 'unknown', reasons: [{ kind: 'policy' }] });
    expect(world.usages.dump()).toEqual(twin.world.usages.dump());
    expect(byDigest(world, originOf)).toMatchObject(before.origins);
    expect(world.streams.dump()).toEqual(before.streams);
    expect(await collect(world.causes.open())).toEqual(before.causes);

    // What is applied again finds everything as if nothing had happened.
    const replaces = await world.policies.inForce();
    await world.policies.publish(policy, { ...(replaces !== undefined && { replaces }) });
    fleet.world.advance(25 * 3_600_000);
    twin.world.advance(25 * 3_600_000);
    await reviewed(fleet);
    await reviewed(twin);
    const statusOf = ({ verdict }: ImageRecord) => verdict?.status;
    expect((await endedReview(world)).state).toBe((await endedReview(twin.world)).state);
    expect(byDigest(world, statusOf)).toEqual(byDigest(twin.world, statusOf));
    expect(byDigest(world, originOf)).toEqual(byDigest(twin.world, originOf));
    expect((await collect(world.causes.open())).map(({ stream }) => stream).sort()).toEqual(
      (await collect(twin.world.causes.open())).map(({ stream }) => stream).sort(),
    );
  });
});

test('before any scope is known, all of the organization is read', async () => {
  const fleet = await MemoryFleet.of(1);
  const { version } = await fleet.world.policies.current();
  fleet.world.policies.lose(version);
  await reviewed(fleet);
  const { state, totals } = await endedReview(fleet.world);
  expect(state).toBe('failed');
  expect(totals?.scopes.complete).toBeGreaterThan(0);
  expect(totals?.outcomes).toMatchObject({ compliant: 0, violating: 0 });
});
