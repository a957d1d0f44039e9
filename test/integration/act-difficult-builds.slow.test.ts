import { afterEach } from '@jest/globals';
import { untilSettled } from '../../local/acting.ts';
import { eventually } from '../../local/cloud/probe.ts';
import type { Rebuild } from '../../shared/domain/cause/rebuild.ts';
import { MINUTE_MS } from '../../shared/domain/common/time.ts';
import { deploymentsStarted, heldIn, NOTHING_HELD, rebuildsOf, rebuiltTimes, runsStarted } from '../support/acting.ts';
import { ActingCases, measured, useReviewed } from '../support/acting-cases.ts';
import { actingFleet, FLAW, streamOf, TEAM } from '../support/acting-fleet.ts';
import { approve, runByHand, runsOf } from '../support/acts-of-persons.ts';
import { Pusher } from '../support/pushes.ts';
import { hold, untilIn } from '../support/stopping.ts';
import { packagesIn } from './oracle/layers.ts';
import { digestOfTag } from './oracle/registry.ts';

const LIMIT_MS = 120_000;

/** One attempt each, so that the test sees every second one. */
const fleet = () =>
  actingFleet(
    [
      { name: 'never-fixed', pipeline: { upgrades: false } },
      { name: 'no-output', pipeline: { faults: { pushesNothing: true } } },
      { name: 'unscanned' },
      { name: 'new-flaw' },
      { name: 'pushed', pipeline: { seconds: 3 } },
      { name: 'superseded', pipeline: { approval: 'before-build', mode: 'SUPERSEDED' } },
    ],
    { guards: { coolDownMinutes: 0, attempts: 1 } },
  );

describe('a difficult build', () => {
  const installation = useReviewed(fleet);
  const cases = new ActingCases(installation);
  afterEach(async () => installation().cloud.admin.endFaults());

  test(
    'a fix that never works: the rebuild is ineffective, and none follows it',
    async () => {
      const { cloud } = installation();
      const rebuild = await cases.rebuilt('never-fixed');
      expect(rebuild.outcome).toMatchObject({ result: 'ineffective', left: [{ vulnerability: FLAW.id }] });
      const home = { ...TEAM, repository: 'apps/never-fixed' };
      expect((await packagesIn(cloud.endpoint, home, rebuild.output ?? '')).get(FLAW.package)).not.toBe(FLAW.fixedIn);
      await cases.nothingFollows();
      // Basic scanning tells no fix, so the rebuild was a trial.
      expect(await cases.answerOf('never-fixed')).toMatchObject({ answer: 'refuse', reason: 'no-fix-seen' });
      expect(await deploymentsStarted(installation())).toBe(0);
    },
    LIMIT_MS,
  );

  test(
    'a build without output: what it made cannot be proven, and it counts as a failure',
    async () => {
      const { context } = installation();
      await cases.enforce(['no-output']);
      await untilIn(installation(), streamOf('no-output'), 'WaitForOutput', LIMIT_MS / 2);
      const [{ rebuildId } = { rebuildId: '' }] = await rebuildsOf(installation(), streamOf('no-output'));
      await context.rebuilds.record(streamOf('no-output'), rebuildId, (before) => before && later(before));
      await rebuiltTimes(installation(), streamOf('no-output'), 1);
      await untilSettled(context, LIMIT_MS / 2);

      expect((await rebuildsOf(installation(), streamOf('no-output')))[0]?.outcome).toMatchObject({
        result: 'no-output',
        reason: expect.stringMatching(/no image with label .* has been pushed to/),
      });
      await cases.nothingFollows();
      expect(await cases.answerOf('no-output')).toMatchObject({ answer: 'refuse', reason: 'attempts-exhausted' });
    },
    LIMIT_MS,
  );

  test(
    'a scan that never completes: unverified at the deadline, with an alarm, and no attempt is counted',
    async () => {
      const { cloud, context } = installation();
      const before = await measured(installation(), 'RebuildsUnverified');
      await cloud.admin.setRegistry({ ...TEAM, scanMs: 10 * MINUTE_MS });
      const rebuild = await cases.rebuilt('unscanned', { verifyMinutes: 0.05 });
      expect(rebuild.outcome).toMatchObject({ result: 'unverified' });
      expect((await context.guards.get([streamOf('unscanned')])).get(streamOf('unscanned'))).toMatchObject({
        failuresInARow: 0,
      });
      await eventually(
        async () => ((await measured(installation(), 'RebuildsUnverified')) > before ? true : undefined),
        'the measure',
        LIMIT_MS / 4,
      );
      await cases.nothingFollows();
      expect(await cases.answerOf('unscanned')).toMatchObject({ answer: 'wait', reason: 'unknown-facts' });
      expect(await deploymentsStarted(installation())).toBe(0);
      await cloud.admin.setRegistry({ ...TEAM, scanMs: 50 });
    },
    LIMIT_MS,
  );

  test(
    'a CVE published during the rebuild: no verdict on that rebuild, but a new fact for the next one',
    async () => {
      const { cloud } = installation();
      await hold(installation(), [{ function: 'verify-rebuild' }]);
      await cases.enforce(['new-flaw']);
      await untilIn(installation(), streamOf('new-flaw'), 'FindOutput', LIMIT_MS / 2);
      await cloud.admin.setVulnerabilities([known(FLAW), known(NEWER)]);
      await cloud.admin.endFaults();
      await rebuiltTimes(installation(), streamOf('new-flaw'), 2);
      await untilSettled(installation().context, LIMIT_MS / 2);
      await cloud.admin.setVulnerabilities([known(FLAW)]);

      const [second, first] = await rebuildsOf(installation(), streamOf('new-flaw'));
      expect([first?.outcome, second?.outcome]).toEqual([{ result: 'fixed' }, { result: 'fixed' }]);
      expect(factsOf(first)).toEqual([FLAW.id]);
      expect(factsOf(second)).toContain(NEWER.id);
      const home = { ...TEAM, repository: 'apps/new-flaw' };
      const packages = async ({ output }: Rebuild) =>
        (await packagesIn(cloud.endpoint, home, output ?? '')).get(NEWER.package);
      expect(first && (await packages(first))).not.toBe(NEWER.fixedIn);
      expect(second && (await packages(second))).toBe(NEWER.fixedIn);
      expect(await runsStarted(installation())).toBe(2);
      expect(await heldIn(installation())).toEqual(NOTHING_HELD);
    },
    LIMIT_MS,
  );

  test(
    "a person's push during our rebuild: never taken for what we built, and nothing is built for it",
    async () => {
      const { cloud } = installation();
      await cases.enforce(['pushed']);
      await untilIn(installation(), streamOf('pushed'), 'StartBuild', LIMIT_MS / 2);
      const home = { ...TEAM, repository: 'apps/pushed' };
      const { artifact } = await new Pusher(cloud).push(home, {
        ...{ name: 'by-a-person', tags: ['stable', 'by-hand'], pushedAtEpochMs: Date.now() },
        packages: { [FLAW.package]: '3.0.13-1' },
      });
      expect(await digestOfTag(cloud.endpoint, home, 'stable')).toBe(artifact.digest);
      const rebuild = await cases.rebuilt('pushed');
      expect(rebuild.outcome).toEqual({ result: 'fixed' });
      expect(rebuild.output).not.toBe(artifact.digest);
      expect(await digestOfTag(cloud.endpoint, home, 'stable')).toBe(rebuild.output);
      await cases.nothingFollows();
      expect(await cases.runningOf('pushed')).toEqual([rebuild.output]);
    },
    LIMIT_MS,
  );

  test(
    'a run that is superseded: the one that took its place is followed',
    async () => {
      const { cloud } = installation();
      const first = await runByHand(cloud, 'superseded');
      await cases.enforce(['superseded']);
      await untilIn(installation(), streamOf('superseded'), 'StartBuild', LIMIT_MS / 2);
      const own = await eventually(
        async () => (await rebuildsOf(installation(), streamOf('superseded')))[0]?.executionId,
        'our run',
        LIMIT_MS / 4,
      );
      const third = await runByHand(cloud, 'superseded');
      await approve(cloud, 'superseded', 'Rejected');
      await approve(cloud, 'superseded', 'Approved');
      const rebuild = await cases.rebuilt('superseded');

      expect(Object.fromEntries(await runsOf(cloud, 'superseded'))).toEqual({
        [first]: 'Failed',
        [own]: 'Superseded',
        [third]: 'Succeeded',
      });
      expect(rebuild).toMatchObject({ outcome: { result: 'fixed' }, executionId: third });
      await cases.nothingFollows();
      expect(await cases.runningOf('superseded')).toEqual([rebuild.output]);
    },
    LIMIT_MS,
  );
});

const NEWER = { id: 'CVE-2026-40002', package: 'zlib1g', fixedIn: '1.2.13-2' } as const;
const known = (flaw: typeof FLAW | typeof NEWER) => ({ ...flaw, severity: 'CRITICAL' as const });
const factsOf = (rebuild: Rebuild | undefined): readonly string[] =>
  rebuild?.facts.flatMap((fact) => (fact.kind === 'finding' ? [fact.vulnerability] : [])) ?? [];

/** As if the time had passed in which a build may still tell what it made. */
const later = ({ verifyingSinceEpochMs = 0, ...rebuild }: Rebuild): Rebuild => ({
  ...rebuild,
  verifyingSinceEpochMs: verifyingSinceEpochMs - 10 * MINUTE_MS,
});
