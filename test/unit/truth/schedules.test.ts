import './quiet.ts';
import { DAY_MS, HOUR_MS } from '../../support/samples.ts';
import { Features } from './features.ts';
import { packagesOf, referenceOf } from './images.ts';
import { Life } from './life.ts';
import { Oracle } from './oracle.ts';
import { nameHead } from './scheduled-tasks.ts';

/** A task that runs for 20 minutes each night at three, by the digest of its image; reviews are at midnight. */
async function nightly(by: 'rules' | 'schedules') {
  const life = new Life(3, new Features([]));
  const oracle = new Oracle(life);
  life.witness = oracle;
  await life.begin();
  life.run();
  const { archive, clockwork, ecs, factory, lines, schedules, world } = life;
  const app = lines.find(({ tier, services }) => tier === 'application' && services > 0);
  const old = app && factory.headOf(app);
  const [image] = old?.images ?? [];
  const [name] = image ? [...packagesOf(image).keys()] : [];
  if (!app || !image || name === undefined) throw new Error('the fleet has no application that runs');
  schedules.add(app, { name: 'nightly', by, reference: referenceOf(app, old?.digest ?? '') });
  clockwork.in(HOUR_MS, () => {
    const fixedIn = archive.release(name, clockwork.now);
    const flaw = { id: 'CVE-2026-9999', package: name, severity: 'critical', since: 1, fixedIn } as const;
    archive.publish({ ...flaw, publishedAtEpochMs: clockwork.now });
  });
  let day = 0;
  return {
    life,
    oracle,
    image,
    /** Each day is reviewed, and each evening the teams deploy what their pipelines made to their services. */
    async days(count: number): Promise<void> {
      for (let n = 0; n < count; n += 1) {
        clockwork.in(0, () => life.review());
        clockwork.in(3 * HOUR_MS, () => schedules.startAll());
        day += 1;
        await life.runUntil(life.startedAtEpochMs + day * DAY_MS - 1, () => {});
        for (const service of ecs.services) {
          const line = life.lineOfService(service);
          const head = line && factory.headOf(line);
          if (head) ecs.beginDeployment(service, referenceOf(line, head.digest));
        }
      }
    },
    open: async () => (await Array.fromAsync(world.rollouts.openClosures())).length,
    nameHead: () => nameHead(life, 'nightly'),
  };
}

test.each(['rules', 'schedules'] as const)(
  'what %s start at night keeps closures open until its task definition names the fix',
  async (by) => {
    const { days, open, oracle, image, life, nameHead: fix } = await nightly(by);
    await days(8);
    const { usages, images } = life.world;
    expect(images.records.get(image.digest)).toMatchObject({ inUse: true, verdict: { status: 'violating' } });
    expect(await usages.ofImage(image.digest)).toEqual([
      expect.objectContaining({ workload: 'nightly', isPossible: true, digestSource: 'reference' }),
    ]);
    expect(await open()).toBeGreaterThan(0);
    fix();
    await days(3);
    expect(await open()).toBe(0);
    expect(oracle.violations).toEqual([]);
    expect(oracle.checks.get('closed is true of what runs')).toBeGreaterThan(0);
  },
);
