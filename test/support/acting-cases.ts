/** One application of an acting fleet at a time: rebuilt by itself, and what came of it. */

import { setTimeout as sleep } from 'node:timers/promises';
import { CloudWatchClient, GetMetricStatisticsCommand } from '@aws-sdk/client-cloudwatch';
import { beforeAll } from '@jest/globals';
import { untilSettled } from '../../local/acting.ts';
import { eventually } from '../../local/cloud/probe.ts';
import type { Installation } from '../../local/installation.ts';
import { collect } from '../../shared/concurrency.ts';
import type { Closure, Deployment } from '../../shared/domain/cause/cascade.ts';
import type { NodeAnswer } from '../../shared/domain/cause/node-answer.ts';
import type { Rebuild } from '../../shared/domain/cause/rebuild.ts';
import { DAY_MS } from '../../shared/domain/common/time.ts';
import type { Measurement } from '../../shared/domain/outbox/metrics.ts';
import type { Policy } from '../../shared/domain/policy/policy.ts';
import { containersIn } from '../integration/oracle/running.ts';
import {
  cascadesIn,
  causeOf,
  deploymentsStarted,
  enforceOnly,
  heldIn,
  lapseRefreshes,
  NOTHING_HELD,
  PLANNING,
  rebuildsOf,
  rebuiltTimes,
  runsStarted,
  wakePlanner,
} from './acting.ts';
import { serviceOf, streamOf, TEAM } from './acting-fleet.ts';
import { useInstallation } from './installation.ts';
import { hubOf } from './readings.ts';

const LIMIT_MS = 60_000;
/** For what takes 15 minutes. */
export const POLL_AGAIN_AFTER_MS = 3_000;
export const WAKE_UP_MS = 500;

/** An installation that has reviewed a fleet and may rebuild nothing yet. */
export function useReviewed(fleet: Parameters<typeof useInstallation>[0]): () => Installation {
  const installation = useInstallation(fleet, { mode: 'enforce', parameters: PLANNING });
  beforeAll(async () => {
    await enforceOnly(installation(), []);
    await installation().review();
    await untilSettled(installation().context, LIMIT_MS);
  }, 2 * LIMIT_MS);
  return installation;
}

/** What the template's alarms of a metric add up. */
export async function measured(installation: Installation, MetricName: Measurement['metric']): Promise<number> {
  const { Datapoints = [] } = await new CloudWatchClient(hubOf(installation)).send(
    new GetMetricStatisticsCommand({
      ...{ Namespace: 'Patchwave', MetricName, Statistics: ['Sum'], Period: 3600 },
      Dimensions: [{ Name: 'service', Value: 'patchwave' }],
      ...{ StartTime: new Date(Date.now() - DAY_MS), EndTime: new Date(Date.now() + DAY_MS) },
    }),
  );
  return Datapoints.reduce((sum, { Sum = 0 }) => sum + Sum, 0);
}

export class ActingCases {
  readonly #installation: () => Installation;

  constructor(installation: () => Installation) {
    this.#installation = installation;
  }

  /** From now on only these may be rebuilt, and calls are counted anew. */
  async enforce(apps: readonly string[], guards: Partial<Policy['guards']> = {}): Promise<void> {
    await this.#installation().cloud.admin.clearCalls();
    await enforceOnly(this.#installation(), apps, guards);
  }

  /** The one rebuild of an application, once all is settled after it. */
  async rebuilt(app: string, guards: Partial<Policy['guards']> = {}): Promise<Rebuild> {
    const installation = this.#installation();
    if ((await rebuildsOf(installation, streamOf(app))).length === 0) await this.enforce([app], guards);
    await rebuiltTimes(installation, streamOf(app), 1);
    await untilSettled(installation.context, LIMIT_MS);
    const [rebuild, ...others] = await rebuildsOf(installation, streamOf(app));
    expect(others).toEqual([]);
    if (!rebuild) throw new Error(`${app} was not rebuilt`);
    return rebuild;
  }

  /** After any number of wake-ups of the planner nothing is built or deployed, and no lock or slot is held. */
  async nothingFollows(): Promise<void> {
    const installation = this.#installation();
    const begun = async () => [await runsStarted(installation), await deploymentsStarted(installation)];
    const before = await begun();
    for (let wakeUp = 1; wakeUp <= 3; wakeUp += 1) await wakePlanner(installation);
    await untilSettled(installation.context, LIMIT_MS);
    expect(await begun()).toEqual(before);
    expect(await heldIn(installation)).toEqual(NOTHING_HELD);
  }

  /** Wakes the planner, as its schedule does, until what is left of an application is its closure. */
  untilClosing(app: string): Promise<true> {
    return eventually(
      async () => {
        await lapseRefreshes(this.#installation(), streamOf(app), POLL_AGAIN_AFTER_MS);
        await wakePlanner(this.#installation());
        await sleep(WAKE_UP_MS);
        const { cascades } = await heldIn(this.#installation());
        return cascades.length === 0 && (await this.closuresOf(app)).length > 0 ? true : undefined;
      },
      `the closure of ${app}`,
      LIMIT_MS,
    );
  }

  async answerOf(app: string): Promise<NodeAnswer | undefined> {
    return (await causeOf(this.#installation(), streamOf(app)))?.answer;
  }

  /** The digests that its containers run, as ECS tells. */
  async runningOf(app: string): Promise<readonly (string | undefined)[]> {
    const running = await containersIn(this.#installation().cloud.endpoint, TEAM);
    const isOwn = ({ container }: (typeof running)[number]) => container.image?.match(`/apps/${app}[:@]`);
    return running.filter(isOwn).map(({ container }) => container.imageDigest);
  }

  deploymentsOf(app: string): Promise<readonly Deployment[]> {
    return this.#ofCascades(
      (id) => this.#installation().context.rollouts.deployments(id),
      ({ service }) => service === serviceOf(app),
    );
  }

  closuresOf(app: string): Promise<readonly Closure[]> {
    return this.#ofCascades(
      (id) => this.#installation().context.rollouts.closures(id),
      ({ stream, abandoned }) => stream === streamOf(app) && !abandoned,
    );
  }

  async #ofCascades<Item>(read: (cascadeId: string) => AsyncIterable<Item>, isWanted: (item: Item) => boolean) {
    const cascades = await cascadesIn(this.#installation());
    const items = await Promise.all(cascades.map(({ cascadeId }) => collect(read(cascadeId))));
    return items.flat().filter(isWanted);
  }
}
