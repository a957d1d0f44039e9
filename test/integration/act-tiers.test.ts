import { untilSettled } from '../../local/acting.ts';
import {
  cascadesIn,
  deploymentsStarted,
  endOf,
  heldIn,
  NOTHING_HELD,
  PLANNING,
  rebuildsOf,
  runsStarted,
  wakePlanner,
} from '../support/acting.ts';
import { FLAW, streamOf, TEAM } from '../support/acting-fleet.ts';
import { useInstallation } from '../support/installation.ts';
import { baseStream, platformStream, tieredFleet } from '../support/tiered-fleet.ts';
import { packagesIn } from './oracle/layers.ts';
import { containersIn, homeOf } from './oracle/running.ts';

const LIMIT_MS = 180_000;
/** Whoever builds upon another one gets its packages, and mends nothing by itself. */
const inherits = { upgrades: false };

const apps = [
  { name: 'shop', parent: 'node', pipeline: inherits },
  { name: 'billing', parent: 'java', pipeline: inherits },
  { name: 'worker', parent: 'debian', pipeline: inherits },
  { name: 'idle', parent: 'node', pipeline: inherits },
  { name: 'tool', parent: 'go', pipeline: inherits },
];
const bases = [{ name: 'debian' }, { name: 'fresh', sound: true }];
/** A service of two applications that stand on one base by way of two platforms. */
const services = { portal: ['shop', 'billing'], worker: ['worker'], tool: ['tool'] };
const platforms = [
  { name: 'node', base: 'debian', pipeline: inherits },
  { name: 'java', base: 'debian', pipeline: inherits },
  { name: 'go', base: 'fresh', pipeline: inherits },
];

const flawsThatRun = async (endpoint: string): Promise<string[]> => {
  const versions = (await containersIn(endpoint, TEAM)).map(async ({ container }) => {
    const home = homeOf(container);
    if (!home || container.imageDigest === undefined) throw new Error(`${container.image} is nowhere`);
    const packages = await packagesIn(endpoint, home, container.imageDigest);
    return `${home.repository} ${packages.get(FLAW.package)}`;
  });
  return (await Promise.all(versions)).filter((each) => !each.endsWith(` ${FLAW.fixedIn}`)).sort();
};

describe('a base at fault', () => {
  const installation = useInstallation(() => tieredFleet({ bases, platforms, apps, services }), {
    mode: 'enforce',
    parameters: PLANNING,
  });

  test(
    'is rebuilt once, then its platforms, then the applications that run, each upon what was proven',
    async () => {
      const { cloud, context, review } = installation();
      expect(await flawsThatRun(cloud.endpoint)).toEqual([
        'apps/billing 3.0.13-1',
        'apps/shop 3.0.13-1',
        'apps/worker 3.0.13-1',
      ]);
      expect(await review()).toMatchObject({ status: 'SUCCEEDED' });
      await untilSettled(context, LIMIT_MS);

      const [cascade, ...others] = await cascadesIn(installation());
      expect(others).toEqual([]);
      expect(cascade && (await endOf(installation(), cascade))).toBe('SUCCEEDED');
      const onWhat = [
        [baseStream('debian')],
        [platformStream('node'), baseStream('debian')],
        [platformStream('java'), baseStream('debian')],
        [streamOf('shop'), platformStream('node')],
        [streamOf('billing'), platformStream('java')],
        [streamOf('worker'), baseStream('debian')],
      ] as const;
      for (const [stream, parent] of onWhat) {
        const [rebuild, ...more] = await rebuildsOf(installation(), stream);
        expect([stream, rebuild?.outcome?.result, more]).toEqual([stream, 'fixed', []]);
        const [below] = parent === undefined ? [] : await rebuildsOf(installation(), parent);
        expect(rebuild?.reservedAtEpochMs).toBeGreaterThanOrEqual(below?.endedAtEpochMs ?? 0);
      }
      expect(await runsStarted(installation())).toBe(onWhat.length);
      expect(await deploymentsStarted(installation())).toBe(2);
      expect(await flawsThatRun(cloud.endpoint)).toEqual([]);
    },
    LIMIT_MS,
  );

  test(
    'is closed by the next review, after which nobody finds anything to do',
    async () => {
      const { context, review } = installation();
      expect(await review()).toMatchObject({ status: 'SUCCEEDED' });
      expect(await untilSettled(context, LIMIT_MS)).toMatchObject({ causes: [], cascades: [] });
      const before = await runsStarted(installation());
      await wakePlanner(installation());
      expect(await runsStarted(installation())).toBe(before);
      expect(await heldIn(installation())).toEqual(NOTHING_HELD);
    },
    LIMIT_MS,
  );
});

describe('a platform whose pipeline fails', () => {
  const failing = { ...inherits, faults: { alwaysFails: true } };
  const installation = useInstallation(
    () =>
      tieredFleet({
        ...{ bases, apps, services },
        platforms: platforms.map((one) => (one.name === 'java' ? { ...one, pipeline: failing } : one)),
        policy: { guards: { coolDownMinutes: 0, attempts: 1 } },
      }),
    { mode: 'enforce', parameters: PLANNING },
  );

  test(
    'stops what stands on it and nothing else',
    async () => {
      const { cloud, context, review } = installation();
      expect(await review()).toMatchObject({ status: 'SUCCEEDED' });
      await untilSettled(context, LIMIT_MS);
      const [cascade] = await cascadesIn(installation());
      expect(cascade && (await endOf(installation(), cascade))).toBe('FAILED');
      expect(await rebuildsOf(installation(), streamOf('billing'))).toEqual([]);
      const mended = [baseStream('debian'), platformStream('node'), streamOf('shop'), streamOf('worker')];
      for (const stream of mended)
        expect([stream, (await rebuildsOf(installation(), stream))[0]?.outcome?.result]).toEqual([stream, 'fixed']);
      // Its service has a container of both: it is deployed once both are mended.
      expect(await flawsThatRun(cloud.endpoint)).toEqual(['apps/billing 3.0.13-1', 'apps/shop 3.0.13-1']);
      expect(await heldIn(installation())).toEqual(NOTHING_HELD);
    },
    LIMIT_MS,
  );
});
