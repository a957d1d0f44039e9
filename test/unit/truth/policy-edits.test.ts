import './quiet.ts';
import { DAY_MS, HOUR_MS } from '../../support/samples.ts';
import { Features } from './features.ts';
import type { Line } from './fleet.ts';
import { Life } from './life.ts';
import { Oracle } from './oracle.ts';
import { People } from './people.ts';

/** A fleet whose owners deploy by themselves; a flaw of the base is fixed up to the applications, and their services run on. */
async function flawed() {
  const life = new Life(3, new Features(['no-rollout']));
  Object.assign(life, { lines: life.lines.map((line): Line => ({ ...line, rollout: 'none' })) });
  const oracle = new Oracle(life);
  life.witness = oracle;
  await life.begin();
  life.run();
  const { archive, clockwork, lines } = life;
  for (let day = 0; day < 8; day += 1)
    clockwork.in(day * DAY_MS, async () => {
      await life.review();
      await oracle.reviewed(life.reviewBeganAtEpochMs);
    });
  const [name = ''] = lines.find(({ tier }) => tier === 'base')?.packages ?? [];
  clockwork.in(HOUR_MS, () =>
    archive.publish({
      ...{ id: 'CVE-2026-9999', package: name, severity: 'critical', since: 1 },
      ...{ fixedIn: archive.release(name, clockwork.now), publishedAtEpochMs: clockwork.now },
    }),
  );
  const untilDay = (day: number) => life.runUntil(life.startedAtEpochMs + day * DAY_MS - 1, () => {});
  const open = async () => (await Array.fromAsync(life.world.rollouts.openClosures())).map(({ stream }) => stream);
  await untilDay(2.5);
  return { life, oracle, untilDay, open };
}

test.each([['^(current)$'], ['^(current|latest)$']])(
  'closures that are open while the head tag becomes %s wait for what runs, and then close',
  async (pattern) => {
    const { life, oracle, untilDay, open } = await flawed();
    const before = await open();
    expect(before.length).toBeGreaterThan(2);
    await life.publishPolicy({ ...life.policy, patterns: new Map(life.lines.map(({ name }) => [name, pattern])) });
    await untilDay(5);
    expect(await open()).toEqual(before);
    new People(life).deployAll();
    await untilDay(8);
    expect(await open()).toEqual([]);
    expect(await Array.fromAsync(life.world.causes.open())).toEqual([]);
    expect(oracle.violations).toEqual([]);
    const builds = life.pipelines.runs.map(({ line }) => line.name);
    expect(new Set(builds).size).toBe(builds.length);
  },
);
