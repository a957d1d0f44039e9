import './quiet.ts';
import { type Changes, editsOf, type Still, still } from './previews.ts';

/** In one world the findings divide the fleet, in the other one the ages. */
const WORLDS = [
  { seed: 7, limitDays: 60 },
  { seed: 10, limitDays: 30 },
] as const;

const changed = new Map<string, number>();

/** Enforces a policy; what was shown before is what the review writes. */
async function compare(
  world: Still,
  document: Still['document'],
): Promise<readonly [shown: Changes, written: Changes]> {
  const before = await world.verdicts();
  const shown = await world.shown(document);
  await world.enforce(document);
  const written = new Map(
    [...(await world.verdicts())].flatMap(([digest, after]) => {
      const was = before.get(digest);
      return was === undefined || was === after ? [] : [[digest, [was, after]] as const];
    }),
  );
  return [shown, written];
}

test.each(WORLDS)(
  'policy apply shows the verdicts that the next review writes: seed $seed, $limitDays days',
  async ({ seed, limitDays }) => {
    const world = await still(seed, limitDays);
    const edits = editsOf(world.life);
    expect(edits.length).toBeGreaterThan(60);
    for (const { field, what, edit } of edits)
      for (const [way, document] of [
        ['there', edit(world.document)],
        ['back', world.document],
      ] as const) {
        const [shown, written] = await compare(world, document);
        const named = (changes: Changes) => ({ edit: `${field} ${what} ${way}`, changes: world.readable(changes) });
        expect(named(shown)).toEqual(named(written));
        if (written.size > 0) changed.set(field, (changed.get(field) ?? 0) + written.size);
      }
  },
  120_000,
);

test('the edits of more than 20 fields change verdicts', () => {
  expect([...changed.keys()].length).toBeGreaterThan(20);
  expect(changed.get('ages.vendorCounts')).toBeGreaterThan(0);
  expect(changed.get('streams.tier')).toBeGreaterThan(0);
  expect(changed.get('awsManaged.references')).toBeGreaterThan(0);
});
