import { ageCommand } from '../../../cli/commands/age.ts';
import { UsageError } from '../../../cli/errors.ts';
import { alone, digestOf } from '../../support/samples.ts';
import { DAY_MS, type PlanWorld, planWorld, pushed, stands, streamOf } from '../cascade-plan/support.ts';
import { readOnlyContext, run, runJson } from './support.ts';

/** A base that is too old in two days, an application of today on it, and one that is young. */
async function fleet(): Promise<PlanWorld> {
  const world = await planWorld({ tiers: ['base'] });
  const bornAt = (daysAgo: number) => world.clock() - daysAgo * DAY_MS;
  const base = await pushed(world, 0, 'base', { tags: ['v22'], pushedAtEpochMs: bornAt(28) });
  const app = await pushed(world, 1, 'app', { tags: ['v1', 'v1.2'], inUse: true, pushedAtEpochMs: bornAt(0) });
  const young = await pushed(world, 2, 'young', { tags: ['v3'], inUse: true, pushedAtEpochMs: bornAt(1) });
  const old = await pushed(world, 3, 'old', { tags: ['v4'], inUse: true, pushedAtEpochMs: bornAt(40) });
  for (const image of (await world.images.get([base, young, old])).values())
    await world.images.recordLineage(image.digest, alone(image));
  stands(world, app, base);
  await world.images.recordLineage(app, {
    parent: { digest: base, evidence: 'layers' },
    age: { known: true, bornAtEpochMs: bornAt(28), decidedBy: base },
  });
  return world;
}

test('age lists images that will be too old, by name and by the image that causes it', async () => {
  const { ages, ...asked } = await runJson(ageCommand, readOnlyContext(await fleet()));
  expect(asked).toMatchObject({ days: 7, overdue: false });
  const host = '111122223333.dkr.ecr.eu-west-1.amazonaws.com';
  expect(ages).toEqual(
    expect.arrayContaining([
      expect.objectContaining({
        digest: digestOf('base'),
        tier: 'base',
        state: 'warning',
        isHead: true,
        inUse: false,
        ageDays: 28,
      }),
      expect.objectContaining({
        ...{
          digest: digestOf('app'),
          tier: 'application',
          stream: streamOf(1),
          owner: 'payments',
          ageDays: 28,
          limitDays: 30,
        },
        ...{ decidedBy: digestOf('base'), decider: { digest: digestOf('base'), tier: 'base', stream: streamOf(0) } },
        ...{ names: [`${host}/team/app-1:v1`, `${host}/team/app-1:v1.2`], inUse: true, isHead: true },
      }),
    ]),
  );
  expect(ages).toHaveLength(2);
});

test('as a page, with --overdue the page also lists images that are too old already', async () => {
  const { code, text } = await run(ageCommand, readOnlyContext(await fleet()), [], { days: '2', overdue: true });
  expect(code).toBe(0);
  expect(text).toContain('2 images will be too old within 2 days; 1 is too old already');
  expect(text).toMatch(/over +10 days ago +\S+team\/app-3:v4 sha256:\w{12} +application +40 of 30 days +2026-11-14/);
  expect(text).toMatch(
    /warning +in 2 days +\S+team\/app-1:v1 \S+ +application +28 of 30 days .* base \S+team\/app-0:\S+ sha256:/,
  );
  expect(text).not.toMatch(/undefined|NaN|[ \t]\n/);
});

test('a waived image is counted apart, with the end of its waiver as the deadline', async () => {
  const world = await fleet();
  const { policy, version: replaces } = await world.policies.current();
  const expires = new Date(world.clock() + 3 * DAY_MS).toISOString().slice(0, 10);
  const waiver = {
    id: 'old',
    rule: 'age-limit',
    reason: 'the vendor is late',
    author: 'ana',
    created: '2026-11-01',
    expires,
  };
  const scope = { repositories: ['team/app-3'] };
  await world.policies.publish({ ...policy, waivers: [{ ...waiver, scope }] }, { replaces });
  const { text } = await run(ageCommand, readOnlyContext(world));
  expect(text).toContain(
    '2 images will be too old within 7 days; 1 waived image will violate, because its waiver ends within 7 days\n',
  );
  expect(text).toMatch(/^state +deadline +image .* deadline at /m);
  expect(text).toMatch(/waived +waiver ends in \d days +\S+team\/app-3:v4 .* 40 of 30 days/);
});

test('without a breach age says so', async () => {
  const { text } = await run(ageCommand, readOnlyContext(await fleet()), [], { days: '1' });
  expect(text).toBe('0 images will be too old within 1 day\n');
});

test.each(['soon', '', '-1', '1e9', 'NaN'])('--days %j is a usage error', async (days) => {
  await expect(run(ageCommand, readOnlyContext(await fleet()), [], { days })).rejects.toThrow(UsageError);
});

test('with --overdue it also says that none is too old already', async () => {
  const { text } = await run(ageCommand, readOnlyContext(await planWorld()), [], { overdue: true });
  expect(text).toBe('0 images will be too old within 7 days; 0 are too old already\n');
});
