import { Random } from '../../../local/fleet/random.ts';
import { collect } from '../../../shared/concurrency.ts';
import { DAY_MS, HOUR_MS } from '../../support/samples.ts';
import { type Build, type CascadeRun, runCascade } from './cascade-run.ts';
import { review } from './review.ts';
import { ConvergingFleet, type Lines, nameOf, streamOf } from './tiered-fleet.ts';
import { noTrouble } from './trouble.ts';

/* A team whose pipeline waits for a person, in the middle of a fleet: no other stream waits for that person. */

const FLEET: Lines = {
  base: { tier: 'base' },
  'platform-a': { tier: 'platform', on: 'base' },
  'platform-b': { tier: 'platform', on: 'base' },
  'app-a': { tier: 'application', on: 'platform-a' },
  'app-b': { tier: 'application', on: 'platform-b' },
};

const look = async ({ world }: ConvergingFleet): Promise<void> => {
  await (await review(world, noTrouble(new Random(1)))).deliverLate();
};

/** Builds what is asked for; the pipeline of one stream stops before that, for its person. */
const pipelines =
  (fleet: ConvergingFleet, waits = ''): Build =>
  (stream) => {
    const name = nameOf(stream);
    return name === waits
      ? { state: 'waiting-approval' }
      : { state: 'succeeded', outputDigest: fleet.build(name, { isVulnerable: false }) };
  };

/** The person approves, and the pipeline builds; the event of its end is lost. */
function approve(fleet: ConvergingFleet, name: string): void {
  const run = fleet.world.runner.started.find(({ pipeline }) => pipeline.name === name);
  if (!run) throw new Error(`no run of ${name}`);
  const outputDigest = fleet.build(name, { isVulnerable: false });
  fleet.world.runner.finish(run.pipeline, run.executionId, { state: 'succeeded', outputDigest });
}

const open = async ({ world }: ConvergingFleet) =>
  (await collect(world.causes.open()))
    .map(({ stream, answer }) => `${nameOf(stream)}: ${answer?.reason ?? 'none'}`)
    .sort();

const builds = ({ world }: ConvergingFleet) => world.runner.started.map(({ pipeline }) => pipeline.name).sort();

const sorted = (run: CascadeRun | undefined) => run?.built.map((wave) => wave.toSorted());

async function waiting(): Promise<ConvergingFleet> {
  const fleet = await ConvergingFleet.of(FLEET, ['base']);
  await look(fleet);
  const run = await runCascade(fleet.world, pipelines(fleet, 'platform-b'));
  expect(sorted(run)).toEqual([['base'], ['platform-a', 'platform-b'], ['app-a']]);
  expect(run?.closed.state).toBe('parked');
  expect(run?.closed.detail).toContain(`stream ${streamOf('app-b')}: waiting (parent-on-hold`);
  return fleet;
}

test('a platform whose build waits for a person delays its descendants and nothing else, for any time', async () => {
  const fleet = await waiting();
  for (let day = 0; day < 6; day += 1) {
    fleet.world.advance(DAY_MS);
    await look(fleet);
    expect(await runCascade(fleet.world, pipelines(fleet))).toBeUndefined();
  }
  expect(await open(fleet)).toEqual(expect.arrayContaining(['app-b: parent-on-hold', 'platform-b: waiting-approval']));
  expect(builds(fleet)).toEqual(['app-a', 'base', 'platform-a', 'platform-b']);
});

test('after the approval that one build is verified and its descendants follow, also without an event', async () => {
  const fleet = await waiting();
  fleet.world.advance(3 * DAY_MS);
  await look(fleet);
  await runCascade(fleet.world, pipelines(fleet));
  approve(fleet, 'platform-b');
  fleet.world.advance(HOUR_MS);
  const resumed = await runCascade(fleet.world, pipelines(fleet));
  expect(resumed?.built.flat()).not.toContain('platform-b');
  await runCascade(fleet.world, pipelines(fleet));
  expect(builds(fleet)).toEqual(['app-a', 'app-b', 'base', 'platform-a', 'platform-b']);
  for (const name of Object.keys(FLEET)) fleet.deploy(name);
  fleet.world.advance(DAY_MS);
  await look(fleet);
  expect(await runCascade(fleet.world, pipelines(fleet))).toBeUndefined();
  expect(await open(fleet)).toEqual([]);
});

test('without an approval there is one run for each deadline, and at most as many as the policy allows attempts', async () => {
  const fleet = await waiting();
  // A build may take a week here, and an approval another one.
  for (let day = 0; day < 3 * 16; day += 2) {
    fleet.world.advance(2 * DAY_MS);
    await look(fleet);
    await runCascade(fleet.world, pipelines(fleet, 'platform-b'));
  }
  expect(builds(fleet).filter((name) => name === 'platform-b')).toHaveLength(3);
  expect(await open(fleet)).toContain('platform-b: attempts-exhausted');
  expect((await collect(fleet.world.locks.all())).flat()).toEqual([]);
});
