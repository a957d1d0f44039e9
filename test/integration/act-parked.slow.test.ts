import { afterEach } from '@jest/globals';
import { untilSettled } from '../../local/acting.ts';
import { eventually } from '../../local/cloud/probe.ts';
import type { Rebuild } from '../../shared/domain/cause/rebuild.ts';
import { HOUR_MS } from '../../shared/domain/common/time.ts';
import {
  cascadesIn,
  endOf,
  heldIn,
  NOTHING_HELD,
  rebuildsOf,
  rebuiltTimes,
  runsStarted,
  wakePlanner,
} from '../support/acting.ts';
import { ActingCases, useReviewed } from '../support/acting-cases.ts';
import { actingFleet, streamOf, TEAM } from '../support/acting-fleet.ts';
import { approve, runsOf } from '../support/acts-of-persons.ts';
import { untilIn } from '../support/stopping.ts';
import { digestOfTag } from './oracle/registry.ts';

const LIMIT_MS = 120_000;
const APPROVAL = { approval: 'before-build' } as const;

/** One build at a time, so that the test sees every slot that is kept. */
const fleet = () =>
  actingFleet(
    [
      { name: 'approved', pipeline: APPROVAL },
      { name: 'unrelated' },
      { name: 'unheard', pipeline: APPROVAL },
      { name: 'abandoned', pipeline: APPROVAL },
    ],
    { guards: { coolDownMinutes: 0, attempts: 1 }, caps: { concurrentRebuilds: 1 } },
  );

describe('a build that waits for a person', () => {
  const installation = useReviewed(fleet);
  const cases = new ActingCases(installation);
  afterEach(async () => installation().cloud.admin.endFaults());

  /** Until its run waits and its node has ended; gives its rebuild. */
  const parked = async (app: string): Promise<Rebuild> =>
    eventually(
      async () => {
        const [rebuild] = await rebuildsOf(installation(), streamOf(app));
        const node = rebuild && (await installation().context.cascades.node(rebuild.cascadeId, streamOf(app)));
        return rebuild?.parked && node?.state === 'parked' ? rebuild : undefined;
      },
      `${app} to be parked`,
      LIMIT_MS / 2,
    );
  const change = (app: string, { rebuildId }: Rebuild, changes: (before: Rebuild) => Rebuild) =>
    installation().context.rebuilds.record(streamOf(app), rebuildId, (before) => before && changes(before));
  const home = (app: string) => ({ ...TEAM, repository: `apps/${app}` });

  test(
    'keeps no other stream waiting where one builds at a time; approved, it is verified and rolled out',
    async () => {
      const { cloud } = installation();
      await cases.enforce(['approved']);
      const cascade = await untilIn(installation(), streamOf('approved'), 'StartBuild', LIMIT_MS / 2);
      await cases.enforce(['approved', 'unrelated']);
      await rebuiltTimes(installation(), streamOf('unrelated'), 1);
      expect((await rebuildsOf(installation(), streamOf('unrelated')))[0]?.outcome).toEqual({ result: 'fixed' });
      expect((await runsOf(cloud, 'approved')).map(([, status]) => status)).toEqual(['InProgress']);

      const rebuild = await parked('approved');
      expect(await endOf(installation(), cascade)).toBe('SUCCEEDED');
      await untilSettled(installation().context, LIMIT_MS / 2);
      expect((await cascadesIn(installation())).map(({ state }) => state)).toEqual(['parked', 'complete']);
      expect(await cases.answerOf('approved')).toMatchObject({ answer: 'wait', reason: 'waiting-approval' });
      expect(await heldIn(installation())).toEqual({ ...NOTHING_HELD, locks: [streamOf('approved')] });

      await approve(cloud, 'approved', 'Approved');
      await rebuiltTimes(installation(), streamOf('approved'), 1);
      await untilSettled(installation().context, LIMIT_MS / 2);
      const rebuilds = await rebuildsOf(installation(), streamOf('approved'));
      expect(rebuilds).toMatchObject([{ rebuildId: rebuild.rebuildId, outcome: { result: 'fixed' } }]);
      expect(rebuilds[0]?.cascadeId).not.toBe(rebuild.cascadeId);
      expect((await cascadesIn(installation())).at(-1)).toMatchObject({ state: 'complete', streams: 1 });
      expect(await cases.runningOf('approved')).toEqual([
        await digestOfTag(cloud.endpoint, home('approved'), 'stable'),
      ]);
      expect((await runsOf(cloud, 'approved')).map(([, status]) => status)).toEqual(['Succeeded']);
      await cases.nothingFollows();
    },
    2 * LIMIT_MS,
  );

  test(
    'is resumed also if the event of its end is lost: the planner has it polled',
    async () => {
      const { cloud } = installation();
      await cases.enforce(['unheard']);
      const rebuild = await parked('unheard');
      // The end of its cascade polls the run once more.
      const parking = await installation().context.cascades.get(rebuild.cascadeId);
      if (parking) expect(await endOf(installation(), parking)).toBe('SUCCEEDED');
      await untilSettled(installation().context, LIMIT_MS / 2);
      await cloud.admin.setFaults({ seed: 1, events: { lost: 1 } });
      await approve(cloud, 'unheard', 'Approved');
      await eventually(
        async () => ((await runsOf(cloud, 'unheard'))[0]?.[1] === 'Succeeded' ? true : undefined),
        'the end of the run',
        LIMIT_MS / 2,
      );
      await wakePlanner(installation());
      expect((await rebuildsOf(installation(), streamOf('unheard')))[0]?.outcome).toBeUndefined();
      await cloud.admin.endFaults();
      // As if the planner woke a quarter of an hour later.
      await change('unheard', rebuild, (before) => ({
        ...before,
        parked: { sinceEpochMs: before.parked?.sinceEpochMs ?? 0, checkedAtEpochMs: 0 },
      }));
      await wakePlanner(installation());
      await rebuiltTimes(installation(), streamOf('unheard'), 1);
      await untilSettled(installation().context, LIMIT_MS / 2);
      expect(await rebuildsOf(installation(), streamOf('unheard'))).toMatchObject([{ outcome: { result: 'fixed' } }]);
      expect(await runsStarted(installation())).toBe(1);
      await cases.nothingFollows();
    },
    LIMIT_MS,
  );

  test(
    'ends after the time for the approval: the stream is free, and a failed attempt counts',
    async () => {
      await cases.enforce(['abandoned']);
      const rebuild = await parked('abandoned');
      expect(rebuild.deadlineEpochMs - Date.now()).toBeGreaterThan(167 * HOUR_MS);
      await change('abandoned', rebuild, (before) => ({ ...before, deadlineEpochMs: Date.now() - 1 }));
      await wakePlanner(installation());
      await rebuiltTimes(installation(), streamOf('abandoned'), 1);
      await untilSettled(installation().context, LIMIT_MS / 2);
      expect(await rebuildsOf(installation(), streamOf('abandoned'))).toMatchObject([
        { outcome: { result: 'failed', reason: expect.stringMatching(/^approval: /) } },
      ]);
      await cases.nothingFollows();
      expect(await cases.answerOf('abandoned')).toMatchObject({ answer: 'refuse', reason: 'attempts-exhausted' });
      expect(await runsStarted(installation())).toBe(1);
    },
    LIMIT_MS,
  );
});
