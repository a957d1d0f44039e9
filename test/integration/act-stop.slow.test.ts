import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach } from '@jest/globals';
import { eventually } from '../../local/cloud/probe.ts';
import { collect } from '../../shared/concurrency.ts';
import { type Cascade, isOpen } from '../../shared/domain/cause/cascade.ts';
import {
  causeOf,
  deploymentsStarted,
  enforceOnly,
  heldBy,
  lapseRefreshes,
  standsOf,
  wakePlanner,
} from '../support/acting.ts';
import { POLL_AGAIN_AFTER_MS, useReviewed, WAKE_UP_MS } from '../support/acting-cases.ts';
import { actingFleet, FLAW, streamOf, TEAM } from '../support/acting-fleet.ts';
import { runsOf } from '../support/acts-of-persons.ts';
import { nameOf, OTHERS, POINTS, scanningFor } from '../support/stop-points.ts';
import { hold, stopIn, untilIn } from '../support/stopping.ts';
import { packagesIn } from './oracle/layers.ts';
import { digestOfTag } from './oracle/registry.ts';
import { containersIn } from './oracle/running.ts';

const LIMIT_MS = 420_000;
/** A state that is entered once a step before it was tried six times: its pauses come to 90 s at most. */
const REACHED_MS = 120_000;
/** What failed while a state was held comes back from its queue after 15 s, then after 30 s (ADR 24), and is worked off. */
const WORKED_MS = 90_000;
/** An event that is not lost has come by then. */
const LOST_MS = 1_000;

/** What a machine does or waits for, in all its maps; the other states are left at once and do nothing. */
function lastingStates({ States = {} }: Machine): string[] {
  return Object.entries(States).flatMap(([name, { Type, ItemProcessor }]) => [
    ...(Type === 'Task' || Type === 'Wait' ? [name] : []),
    ...(ItemProcessor ? lastingStates(ItemProcessor) : []),
  ]);
}

interface Machine {
  readonly States?: Readonly<Record<string, { readonly Type: string; readonly ItemProcessor?: Machine }>>;
}

test('every state of the machine that lasts is one in which it is stopped', async () => {
  const machine = JSON.parse(await readFile('statemachines/rebuild-cascade.asl.json', 'utf8')) as Machine;
  expect(Object.keys(POINTS).sort()).toEqual(lastingStates(machine).sort());
});

describe('an execution that is stopped', () => {
  const fleet = () =>
    actingFleet(
      [...Object.entries(POINTS).map(([state, { app }]) => ({ name: nameOf(state), ...app })), { name: 'unreported' }],
      { caps: { concurrentRebuilds: OTHERS.length } },
    );
  const installation = useReviewed(fleet);

  afterEach(async () => installation().cloud.admin.endFaults());

  test.each(Object.keys(POINTS))(
    'in %s is ended by one event, and the next wake-up finishes its work',
    async (state) => {
      const { cloud } = installation();
      const { before, holds = [], by, after, deployments = 1, runs = 1, triesForMs = 0 } = POINTS[state] ?? {};
      const app = nameOf(state);
      await cloud.admin.clearCalls();
      await before?.(installation(), app);
      if (holds.length > 0) await hold(installation(), holds);
      await enforceOnly(installation(), [app]);
      if (by) {
        await untilIn(installation(), streamOf(app), by.state, WORKED_MS);
        await by.act?.(installation(), app);
        if (by.holds) await hold(installation(), by.holds);
      }
      const cascade = await untilIn(installation(), streamOf(app), state, REACHED_MS);
      const states = await stopIn(installation(), cascade);
      await sleep(triesForMs);
      await cloud.admin.endFaults();
      expect(states).toContain(state);

      await ended(cascade);
      expect((await causeOf(installation(), streamOf(app)))?.takenBy?.cascadeId).not.toBe(cascade.cascadeId);
      await Promise.all([after?.(installation(), app), finished(app)]);

      expect(await runsOf(cloud, app)).toHaveLength(runs);
      const begun = await deploymentsStarted(installation());
      expect([...Array(deployments).keys()].map((n) => n + 1)).toContain(begun);
      const home = { ...TEAM, repository: `apps/${app}` };
      const head = await digestOfTag(cloud.endpoint, home, 'stable');
      const running = await containersIn(cloud.endpoint, TEAM);
      const own = running.filter(({ container }) => container.image?.includes(`/apps/${app}:`));
      expect(own.map(({ container }) => container.imageDigest)).toEqual([head]);
      expect((await packagesIn(cloud.endpoint, home, head ?? '')).get(FLAW.package)).toBe(FLAW.fixedIn);
    },
    LIMIT_MS,
  );

  test(
    'and that ends without an event is ended by the next review',
    async () => {
      const { cloud, review } = installation();
      await scanningFor(3_000)(installation());
      await enforceOnly(installation(), ['unreported']);
      const cascade = await untilIn(installation(), streamOf('unreported'), 'WaitForScan', WORKED_MS);
      await cloud.admin.setFaults({ seed: 1, events: { lost: 1 } });
      await stopIn(installation(), cascade);
      await sleep(LOST_MS);
      await cloud.admin.endFaults();
      expect(isOpen((await installation().context.cascades.get(cascade.cascadeId)) ?? cascade)).toBe(true);

      expect(await review()).toMatchObject({ status: 'SUCCEEDED' });
      await ended(cascade);
      await scanningFor(50)(installation());
      await finished('unreported');
      expect(await runsOf(cloud, 'unreported')).toHaveLength(1);
    },
    LIMIT_MS,
  );

  const ended = ({ cascadeId }: Cascade): Promise<true> =>
    eventually(
      async () => {
        const stands = await installation().context.cascades.get(cascadeId);
        return stands && isOpen(stands) ? undefined : true;
      },
      `the end of cascade ${cascadeId}`,
      WORKED_MS,
      async () => installation().context.cascades.get(cascadeId),
    );

  /**
   * Wakes the planner, as its schedule does every 15 minutes, until the stream holds nothing and all that is left of its
   * cause is a closure.
   */
  async function finished(app: string): Promise<void> {
    const stream = streamOf(app);
    await eventually(
      async () => {
        await lapseRefreshes(installation(), stream, POLL_AGAIN_AFTER_MS);
        await wakePlanner(installation());
        await sleep(WAKE_UP_MS);
        const closures = await collect(installation().context.rollouts.openClosures());
        const isClosing = closures.some((one) => one.stream === stream && !one.abandoned);
        return isClosing && Object.values(await heldBy(installation(), stream)).every((one) => one.length === 0)
          ? true
          : undefined;
      },
      'the end of the work',
      WORKED_MS,
      () => standsOf(installation(), stream),
    );
  }
});
