import { handleMessages } from '../../../functions/registry-events/registry-events.ts';
import { collect } from '../../../shared/concurrency.ts';
import { DAY_MS, HOUR_MS } from '../../support/samples.ts';
import { comeToRest, plan } from '../cascade-plan/support.ts';
import { messages, portsOf } from '../registry-events/support.ts';
import { Storm } from './storm.ts';
import { ConvergingFleet, type FleetPolicyChanges, type Lines, locationOf, nameOf } from './tiered-fleet.ts';

/* What systems of this kind were brought down by, each by its name. */

const BOTH = ['amd64', 'arm64'] as const;
const ARM = ['arm64'] as const;
const FLEET: Lines = {
  base: { tier: 'base', arch: BOTH },
  'other-base': { tier: 'base' },
  'platform-a': { tier: 'platform', on: 'base' },
  'platform-b': { tier: 'platform', on: 'base', arch: ARM },
  'app-a': { tier: 'application', on: 'platform-a' },
  'app-of-both': { tier: 'application', on: { amd64: 'platform-a', arm64: 'platform-b' }, arch: BOTH },
  'app-elsewhere': { tier: 'application', on: 'other-base' },
};
const ABOVE_BASE = { 'platform-a': 1, 'platform-b': 1, 'app-a': 1, 'app-of-both': 1 };

/** A fleet that was reviewed, with nothing to do. */
async function calm(lines: Lines = FLEET, changes: FleetPolicyChanges = {}): Promise<Storm> {
  const storm = new Storm(await ConvergingFleet.of(lines, [], changes));
  for (const name of Object.keys(lines)) storm.tell(name);
  await storm.hear();
  await storm.review();
  expect(await storm.act()).toBeUndefined();
  expect(await storm.open()).toEqual([]);
  return storm;
}

/** Everything is built on heads, nothing is left to be done, and no version of a cause was built twice. */
async function expectCalm(storm: Storm): Promise<void> {
  for (const name of Object.keys(storm.fleet.lines)) storm.fleet.deploy(name);
  storm.fleet.world.advance(DAY_MS);
  await storm.review();
  expect(await storm.act()).toBeUndefined();
  expect(await storm.open()).toEqual([]);
  expect(await storm.staleParent()).toEqual([]);
  expect(await storm.builtTwice()).toEqual([]);
}

test('a base that its team pushes is picked up by all above it, each once, wave by wave', async () => {
  const storm = await calm();
  storm.push('base');
  await storm.hear();
  const run = await storm.act();
  expect(run?.built.map((wave) => wave.toSorted())).toEqual([
    ['platform-a', 'platform-b'],
    ['app-a', 'app-of-both'],
  ]);
  expect(await storm.comeToRest()).toEqual(ABOVE_BASE);
  await expectCalm(storm);
});

test('an application without a push since its first sighting is found by the review', async () => {
  const storm = new Storm(await ConvergingFleet.of(FLEET, []));
  await storm.review();
  storm.push('base');
  await storm.hear();
  expect(await storm.comeToRest()).toEqual({ 'platform-a': 1, 'platform-b': 1 });
  await storm.review();
  expect(await storm.comeToRest()).toEqual(ABOVE_BASE);
  await expectCalm(storm);
});

test('a base pushed every minute', async () => {
  const storm = await calm(FLEET, { guards: { coolDownMinutes: 60 } });
  const minutes = 180;
  for (let minute = 0; minute < minutes; minute += 1) {
    storm.push('base');
    await storm.hear();
    await storm.act({ meanwhile: () => void storm.push('base') });
    storm.fleet.world.advance(60_000);
  }
  for (const [name, builds] of Object.entries(storm.builds())) {
    expect(Object.keys(ABOVE_BASE)).toContain(name);
    // Each build takes a minute here, so the storm lasts longer than its minutes.
    expect(builds).toBeLessThanOrEqual(8);
  }
  for (const cause of await collect(storm.fleet.world.causes.open())) expect(cause.facts.length).toBeLessThanOrEqual(2);
  storm.fleet.world.advance(HOUR_MS);
  await storm.comeToRest();
  // The review finds the images that were built on a base without an event.
  await storm.review();
  await storm.comeToRest();
  await expectCalm(storm);
});

test('two bases pushed together', async () => {
  const storm = await calm();
  storm.push('base');
  storm.push('other-base');
  await storm.hear();
  expect(await storm.comeToRest()).toEqual({ ...ABOVE_BASE, 'app-elsewhere': 1 });
  await expectCalm(storm);
});

test('a base at fault below more platforms than the ramp lets begin', async () => {
  const platforms = [0, 1, 2, 3, 4, 5].map((n) => `platform-${n}`);
  const lines = Object.fromEntries(platforms.map((name) => [name, { tier: 'platform', on: 'base' } as const]));
  const storm = await calm({ base: { tier: 'base' }, ...lines }, { caps: { ramp: 3 } });
  storm.fleet.world.advance(HOUR_MS);
  // The platforms are behind as soon as it is pushed; its finding is known only once the scan ends.
  storm.push('base', { isVulnerable: true });
  await storm.hear();
  storm.fleet.world.advance(5 * 60_000);
  expect(await storm.comeToRest()).toEqual({ base: 1, ...Object.fromEntries(platforms.map((name) => [name, 1])) });
  await expectCalm(storm);
});

test('two applications on a base at fault, one read first: neither is built before the base', async () => {
  const storm = await calm({
    base: { tier: 'base' },
    'app-a': { tier: 'application', on: 'base' },
    'app-b': { tier: 'application', on: 'base' },
  });
  const { world } = storm.fleet;
  storm.push('base', { isVulnerable: true });
  await storm.hear();
  world.advance(4 * HOUR_MS);
  await storm.review();
  world.refreshes.take();
  await plan(world);
  const [first, ...others] = world.refreshes.take();
  await handleMessages(portsOf(world), messages(first === undefined ? [] : [first]));
  world.advance(30_000);
  await plan(world);
  expect(world.executions.started).toEqual([]);
  expect(await storm.open()).toEqual(['app-a: parent-on-hold', 'app-b: head-unread', 'base: head-unread']);
  await handleMessages(portsOf(world), messages(others));
  expect(await storm.comeToRest()).toEqual({ base: 1, 'app-a': 1, 'app-b': 1 });
  await expectCalm(storm);
});

test('a person pushes a platform with a finding while its rebuild runs: nothing is built on that push', async () => {
  const lines: Lines = { platform: { tier: 'platform' }, app: { tier: 'application', on: 'platform' } };
  const storm = new Storm(await ConvergingFleet.of(lines, ['platform']));
  await storm.review();
  const run = await storm.act({
    meanwhile: async (name) => {
      if (name !== 'platform') return;
      storm.fleet.world.advance(1000);
      storm.push('platform', { isVulnerable: true });
      await storm.hear();
    },
  });
  expect(run?.built).toEqual([['platform'], []]);
  expect(await storm.comeToRest()).toEqual({ platform: 2, app: 1 });
  await expectCalm(storm);
});

test("a child's push event before its parent's", async () => {
  const storm = await calm();
  storm.push('base');
  storm.push('platform-a');
  await storm.hear({ lastFirst: true });
  // What its team built on the new base need not be built again.
  expect(await storm.comeToRest()).toEqual({ 'platform-b': 1, 'app-a': 1, 'app-of-both': 1 });
  await expectCalm(storm);
});

test('a stream whose images are built on each other', async () => {
  const self: Lines = {
    self: { tier: 'platform', on: 'self' },
    app: { tier: 'application', on: 'self' },
  };
  const storm = await calm(self);
  storm.push('self', { isVulnerable: true });
  await storm.hear();
  await storm.review();
  // It is built on its old parent, so nothing fixes it: it is built once, and the streams on it never.
  await storm.comeToRest();
  expect(storm.builds()).toEqual({ self: 1 });
  storm.fleet.world.advance(DAY_MS);
  await storm.review();
  await storm.comeToRest();
  expect(storm.builds().self).toBeLessThanOrEqual(2);
  expect(await storm.builtTwice()).toEqual([]);
  expect((await storm.open()).every((one) => !one.endsWith('none'))).toBe(true);
});

test('a head deleted in the middle', async () => {
  const storm = new Storm(await ConvergingFleet.of(FLEET, ['base']));
  await storm.review();
  const deleted: string[] = [];
  const run = await storm.act({
    meanwhile: (name) => {
      if (name !== 'platform-a' || deleted.length > 0) return;
      for (const digest of storm.fleet.imagesOf('base')) storm.fleet.world.registry.delete(locationOf('base'), digest);
      deleted.push(name);
    },
  });
  expect(deleted).toEqual(['platform-a']);
  expect(run?.closed.state).toBe('complete');
  // Its team pushes another one, and that is picked up.
  storm.fleet.world.advance(HOUR_MS);
  storm.push('base');
  await storm.hear();
  await storm.comeToRest();
  await expectCalm(storm);
});

test('10,000 findings at once', async () => {
  const two: Lines = { base: { tier: 'base' }, app: { tier: 'application', on: 'base' } };
  const storm = new Storm(await ConvergingFleet.of(two, ['base'], { findings: 10_000 }));
  await storm.review();
  const causes = await collect(storm.fleet.world.causes.open());
  expect(causes.map(({ facts }) => facts.length)).toEqual([10_000, 10_000]);
  expect((await storm.act())?.built).toEqual([['base'], ['app']]);
  expect(storm.builds()).toEqual({ base: 1, app: 1 });
});

test('a missed push event found by the next review', async () => {
  const storm = await calm();
  storm.push('base');
  storm.lose();
  expect(await storm.act()).toBeUndefined();
  await storm.review();
  expect(await storm.comeToRest()).toEqual(ABOVE_BASE);
  await expectCalm(storm);
});

test('a parent rebuilt every day while children take two days', async () => {
  const storm = await calm(FLEET, { guards: { coolDownMinutes: 60, cascadeHours: 168 } });
  const days = 14;
  const until = storm.fleet.world.clock() + days * DAY_MS;
  const isChild = (name: string) => name.startsWith('app');
  while (storm.fleet.world.clock() < until) {
    storm.push('base');
    await storm.hear();
    await storm.act({
      meanwhile: (name) => {
        if (!isChild(name)) return;
        for (let day = 0; day < 2; day += 1) {
          storm.fleet.world.advance(DAY_MS);
          storm.push('base');
        }
      },
    });
    storm.fleet.world.advance(HOUR_MS);
  }
  // Nothing is refused for built on what was the head when it began.
  expect((await storm.open()).filter((one) => one.endsWith('parent-pinned'))).toEqual([]);
  expect(storm.builds()['app-a']).toBeGreaterThan(1);
  expect(storm.builds()['app-a']).toBeLessThanOrEqual(days / 2);
  await storm.comeToRest();
  await expectCalm(storm);
});

test('20 parallel planners on overlapping roots', async () => {
  const storm = await calm();
  const { world } = storm.fleet;
  storm.push('base', { isVulnerable: true });
  storm.push('platform-b');
  storm.push('other-base');
  await storm.hear();
  await storm.review();
  await Promise.all(Array.from({ length: 20 }, () => plan(world)));
  await comeToRest(world);
  expect(world.executions.started).toHaveLength(1);
  const nodes = await collect(world.cascades.nodes(world.executions.started[0] ?? ''));
  expect(nodes.map(({ stream, wave }) => `${wave} ${nameOf(stream)}`).sort()).toEqual([
    ...['0 app-elsewhere', '0 base', '1 platform-a', '1 platform-b', '2 app-a', '2 app-of-both'],
  ]);
});

test.each(['app-a', 'app-of-both'])(
  'a build that pins its parents, of %s, is refused until they move again',
  async (name) => {
    const storm = await calm();
    storm.fleet.pin(name);
    for (let moves = 1; moves <= 2; moves += 1) {
      storm.fleet.world.advance(HOUR_MS);
      storm.push('base');
      await storm.hear();
      await storm.comeToRest();
      storm.fleet.world.advance(DAY_MS);
      await storm.review();
      await storm.comeToRest();
      // With the cascade, once more for itself where it was pinned before anybody knew, and then no more.
      expect(storm.builds()[name]).toBeLessThanOrEqual(moves * 2);
      expect(await storm.open()).toContain(`${name}: parent-pinned`);
    }
    const { [name]: before } = storm.builds();
    for (let day = 0; day < 5; day += 1) {
      storm.fleet.world.advance(DAY_MS);
      await storm.review();
      await storm.comeToRest();
    }
    expect(storm.builds()[name]).toBe(before);
  },
);

test('a build that pins its parents and repacks their layers is refused until they move again', async () => {
  const storm = await calm({ base: { tier: 'base' }, app: { tier: 'application', on: 'base' } });
  storm.fleet.packAnew('app');
  storm.fleet.pin('app');
  storm.fleet.world.advance(HOUR_MS);
  storm.push('base');
  await storm.hear();
  for (let day = 0; day < 8; day += 1) {
    await storm.comeToRest();
    storm.fleet.world.advance(DAY_MS);
    await storm.review();
  }
  expect(storm.builds()).toEqual({ app: 1 });
  expect(await storm.open()).toEqual(['app: parent-pinned']);
});

test('a version that each build stamps is no new trial', async () => {
  const fleet = await ConvergingFleet.of({ base: { tier: 'base' }, app: { tier: 'application', on: 'base' } }, []);
  fleet.stamp('app');
  fleet.build('app');
  fleet.deploy('app');
  const storm = new Storm(fleet);
  await storm.review();
  for (let hour = 0; hour < 3 * 24; hour += 1) {
    await storm.act();
    fleet.world.advance(HOUR_MS);
    if (hour % 24 === 23) await storm.review();
  }
  expect(storm.builds()).toEqual({ app: 1 });
  expect(await storm.open()).toEqual(['app: no-fix-seen']);
});

test('a finding that comes back after a deployment is another cascade, by another name', async () => {
  const storm = await calm({ base: { tier: 'base' }, app: { tier: 'application', on: 'base' } });
  const pushes = async (isVulnerable: boolean) => {
    storm.fleet.world.advance(HOUR_MS);
    storm.push('app', { isVulnerable });
    await storm.hear();
  };
  await pushes(true);
  storm.fleet.deploy('app');
  await storm.review();
  await pushes(false);
  // Its head is fixed already: it is deployed.
  expect((await storm.act())?.built).toEqual([[]]);
  await pushes(true);
  await storm.review();
  expect((await storm.act())?.built).toEqual([['app']]);
  await storm.comeToRest();
  await expectCalm(storm);
});

test('streams built on a stream without a rule are not rebuilt in vain', async () => {
  const storm = new Storm(await ConvergingFleet.of(FLEET, ['base']));
  await storm.review();
  await storm.fleet.unname('base');
  expect(await storm.comeToRest()).toEqual({});
  for (let day = 0; day < 3; day += 1) {
    storm.fleet.world.advance(DAY_MS);
    await storm.review();
    expect(await storm.comeToRest()).toEqual({});
  }
  const open = await storm.open();
  expect(open).toContain('base: not-in-policy');
  for (const name of ['app-a', 'app-of-both']) expect(open).toContain(`${name}: parent-on-hold`);
  await storm.fleet.setPolicy({});
  storm.fleet.world.advance(DAY_MS);
  await storm.review();
  expect(await storm.comeToRest()).toEqual({ base: 1, ...ABOVE_BASE });
});

describe('a policy that changes in the middle of a cascade', () => {
  const atBase = (storm: Storm, changes: FleetPolicyChanges) => async (name: string) => {
    if (name === 'base') await storm.fleet.setPolicy(changes);
  };

  test('is followed at the next dispatch, and nothing is lost: a tier that is paused', async () => {
    const storm = new Storm(
      await ConvergingFleet.of(FLEET, ['base'], { guards: { coolDownMinutes: 0, cascadeHours: 1 } }),
    );
    await storm.review();
    const run = await storm.act({ meanwhile: atBase(storm, { modes: { tiers: { platform: 'paused' } } }) });
    expect(run?.built).toEqual([['base'], [], []]);
    expect(await storm.act()).toBeUndefined();
    expect(await storm.open()).toContain('platform-a: paused');
    await storm.fleet.setPolicy({});
    storm.fleet.world.advance(DAY_MS);
    expect(await storm.comeToRest()).toEqual({ base: 1, ...ABOVE_BASE });
    await expectCalm(storm);
  });

  test('a report-only tier is not built, and the streams on it try to fix themselves meanwhile', async () => {
    const storm = new Storm(await ConvergingFleet.of(FLEET, ['base']));
    await storm.review();
    const run = await storm.act({ meanwhile: atBase(storm, { modes: { tiers: { platform: 'report-only' } } }) });
    expect(run?.built).toEqual([['base'], [], []]);
    await storm.comeToRest();
    expect(await storm.open()).toContain('platform-a: report-only');
    await storm.fleet.setPolicy({});
    storm.fleet.world.advance(DAY_MS);
    expect(await storm.comeToRest()).toMatchObject({ base: 1, 'platform-a': 1, 'platform-b': 1 });
    await expectCalm(storm);
  });
});
