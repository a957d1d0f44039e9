import { canonicalLedger } from '../../../cli/ledger/canonical.ts';
import { Random } from '../../../local/fleet/random.ts';
import {
  causeContent,
  imageContent,
  reviewContent,
  unpackedItem,
} from '../../../shared/adapters/dynamodb/table/items.ts';
import * as keys from '../../../shared/adapters/dynamodb/table/keys.ts';
import { collect } from '../../../shared/concurrency.ts';
import type { FakeWorld } from '../../support/fakes/world.ts';
import { finding } from '../../support/samples.ts';
import { MemoryFleet } from './fleet.ts';
import { review } from './review.ts';
import { badDay, type ConvergenceTrouble, noTrouble } from './trouble.ts';

const SEEDS = Array.from({ length: 25 }, (_, index) => index + 1);

/** Two reviews, a day apart, of a fleet that changed between them. */
async function twoReviews(seed: number, trouble: ConvergenceTrouble): Promise<string> {
  const fleet = await MemoryFleet.of(seed);
  const first = await review(fleet.world, trouble);
  await first.deliverLate();
  fleet.aDayLater();
  const second = await review(fleet.world, trouble);
  await second.deliverLate();
  return stateOf(fleet.world);
}

/** Everything that stands in the ledger, in the form that two runs of one fleet share. */
async function stateOf(world: FakeWorld): Promise<string> {
  const { runs, causes, scopes, images, places, contents, usages, streams, streamImages, deadLetters } = world;
  const { ended } = await runs.latest();
  if (!ended) throw new Error('no review ended');
  return canonicalLedger([
    ...[...images.records.values()].map((record) => ({
      ...keys.image(record.digest),
      ...unpackedItem(imageContent({ record })),
    })),
    ...(await collect(causes.open())).map((cause) => ({
      ...keys.cause(cause.stream),
      ...unpackedItem(causeContent(cause)),
    })),
    { ...keys.run(ended.runId), ...reviewContent('run', ended) },
    ...(await collect(runs.parts(ended.runId))).map((part) => ({
      ...keys.runPart(ended.runId, part.kind, part.key),
      kind: 'part',
      part,
    })),
    ...(await collect(scopes.all())).map((scope) => ({ ...keys.scope(scope.scope), ...scope })),
    ...[
      ...places.dump(),
      ...contents.dump(),
      ...usages.dump(),
      ...streams.dump(),
      ...streamImages.dump(),
      ...deadLetters.letters,
    ].map((entry) => ({
      ...(entry as Record<string, unknown>),
    })),
  ]);
}

/** By seed: how often each kind of trouble really struck. */
const struck = new Map<number, ConvergenceTrouble['struck']>();

test.each(SEEDS)(
  'fleet %i: crashes, failures, and events lost, doubled, late and shuffled change nothing',
  async (seed) => {
    const calm = await twoReviews(seed, noTrouble(new Random(seed)));
    const trouble = badDay(new Random(seed + 1000));
    expect(await twoReviews(seed, trouble)).toBe(calm);
    struck.set(seed, trouble.struck);
    expect(trouble.struck.failures + trouble.struck.repeats).toBeGreaterThan(0);
  },
);

test('every kind of trouble struck most of the fleets', () => {
  for (const kind of ['crashes', 'failures', 'repeats'] as const) {
    const hit = [...struck.values()].filter((counts) => counts[kind] > 0);
    expect(hit.length).toBeGreaterThan(0.8 * SEEDS.length);
  }
});

test('the comparison can fail: a scan that finds something else gives another ledger', async () => {
  const calm = (fleet: MemoryFleet) => review(fleet.world, noTrouble(new Random(1)));
  const [one, other] = [await MemoryFleet.of(1), await MemoryFleet.of(1)];
  await calm(one);
  for (const digest of one.world.images.records.keys()) other.world.scanner.finds(digest, [finding(1)]);
  await calm(other);
  expect(await stateOf(other.world)).not.toBe(await stateOf(one.world));
});
