import { CodePipelineClient, paginateListPipelineExecutions } from '@aws-sdk/client-codepipeline';
import { untilSettled } from '../../local/acting.ts';
import type { Installation } from '../../local/installation.ts';
import { mapConcurrently } from '../../shared/concurrency.ts';
import { cascadesIn, endOf, heldIn, NOTHING_HELD, PLANNING, rebuildsOf, runsStarted } from '../support/acting.ts';
import { streamOf } from '../support/acting-fleet.ts';
import { LARGEST_STATE_BYTES, MOST_EVENTS, sizesOf } from '../support/executions.ts';
import { useInstallation } from '../support/installation.ts';
import { flawsThatRun, inherits } from '../support/tiered-cases.ts';
import { baseStream, platformStream, tieredFleet } from '../support/tiered-fleet.ts';

const PLATFORMS = 20;
const APPS = 400;
const CAP = 8;
const LIMIT_MS = 20 * 60_000;
const READS_AT_ONCE = 8;
/** Builds that end at once would never overlap, with any cap. */
const pipeline = { ...inherits, seconds: 6 };

/** Only the first has the flaw. */
const bases = [{ name: 'debian' }, { name: 'alpha', sound: true }, { name: 'beta', sound: true }];
const baseOf = (platform: number): string => bases[platform % bases.length]?.name ?? '';
const platforms = numbered(PLATFORMS, (at) => ({ name: `platform-${at}`, base: baseOf(at), pipeline }));
const apps = numbered(APPS, (at) => ({
  ...{ name: `app-${at}`, parent: `platform-${at % PLATFORMS}`, pipeline },
  isAtFault: baseOf(at % PLATFORMS) === 'debian',
  // Three of five, on every platform.
  runs: Math.floor(at / PLATFORMS) % 5 < 3,
}));
const running = apps.filter(({ runs }) => runs);
const wanted = {
  platforms: platforms.filter(({ base }) => base === 'debian').map(({ name }) => name),
  apps: running.filter(({ isAtFault }) => isAtFault).map(({ name }) => name),
};
const streams = [
  baseStream('debian'),
  ...wanted.platforms.map((name) => platformStream(name)),
  ...wanted.apps.map((name) => streamOf(name)),
];

function numbered<Value>(count: number, make: (at: number) => Value): readonly Value[] {
  return Array.from({ length: count }, (_, at) => make(at));
}

interface Run {
  readonly pipeline: string;
  readonly startedAtEpochMs: number;
  readonly endedAtEpochMs: number;
}

/** Every run of every pipeline of the fleet, also those that Patchwave did not start. */
async function runsIn({ cloud, fleet }: Installation): Promise<readonly Run[]> {
  const runs = await mapConcurrently(fleet.pipelines, READS_AT_ONCE, async ({ account, region, name }) => {
    const found: Run[] = [];
    const client = new CodePipelineClient(cloud.clients(account, region));
    for await (const page of paginateListPipelineExecutions({ client }, { pipelineName: name })) {
      for (const { startTime, lastUpdateTime } of page.pipelineExecutionSummaries ?? []) {
        const [startedAtEpochMs, endedAtEpochMs] = [
          startTime?.getTime() ?? Number.NaN,
          lastUpdateTime?.getTime() ?? Number.NaN,
        ];
        found.push({ pipeline: name, startedAtEpochMs, endedAtEpochMs });
      }
    }
    return found;
  });
  return runs.flat();
}

/** The most concurrent runs at the start of one. */
const mostAtOnce = (runs: readonly Run[]): number =>
  Math.max(
    ...runs.map(
      ({ startedAtEpochMs: at }) =>
        runs.filter(({ startedAtEpochMs, endedAtEpochMs }) => startedAtEpochMs <= at && at < endedAtEpochMs).length,
    ),
  );

describe('400 applications on 20 platforms on 3 bases, one of which is at fault', () => {
  const installation = useInstallation(
    () =>
      tieredFleet({
        ...{ bases, platforms, apps },
        services: Object.fromEntries(running.map(({ name }) => [name, [name]])),
        policy: { caps: { concurrentRebuilds: CAP } },
      }),
    { parameters: PLANNING },
  );

  test(
    'it, its platforms and what runs on them are built once each, as many at a time as the cap says, and nothing else',
    async () => {
      const { cloud, context, review } = installation();
      expect(await flawsThatRun(cloud.endpoint)).toHaveLength(wanted.apps.length);
      expect(await review()).toMatchObject({ status: 'SUCCEEDED' });
      await untilSettled(context, LIMIT_MS);

      const runs = await runsIn(installation());
      expect(runs.map(({ pipeline }) => pipeline).sort()).toEqual(
        ['debian', ...wanted.platforms, ...wanted.apps].sort(),
      );
      expect(await runsStarted(installation())).toBe(streams.length);
      expect(mostAtOnce(runs)).toBeLessThanOrEqual(CAP);
      const outcomes = await mapConcurrently(streams, READS_AT_ONCE, (stream) => rebuildsOf(installation(), stream));
      expect(outcomes.map((rebuilds) => rebuilds.map(({ outcome }) => outcome?.result))).toEqual(
        streams.map(() => ['fixed']),
      );
      expect(await flawsThatRun(cloud.endpoint)).toEqual([]);
      expect(await heldIn(installation())).toEqual(NOTHING_HELD);
    },
    LIMIT_MS,
  );

  test(
    'in one cascade, of whose executions none comes near the limits of Step Functions',
    async () => {
      const [cascade, ...others] = await cascadesIn(installation());
      if (!cascade?.executionArn) throw new Error('no cascade was started');
      expect(others).toEqual([]);
      expect(await endOf(installation(), cascade)).toBe('SUCCEEDED');
      const { parent, children } = await sizesOf(installation(), cascade.executionArn);
      expect(children.length).toBe(streams.length + wanted.apps.length);
      for (const { events, largestBytes } of [parent, ...children]) {
        expect(events).toBeLessThan(MOST_EVENTS / 10);
        expect(largestBytes).toBeLessThan(LARGEST_STATE_BYTES / 10);
      }
    },
    LIMIT_MS,
  );
});
