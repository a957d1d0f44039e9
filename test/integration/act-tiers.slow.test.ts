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
import { streamOf } from '../support/acting-fleet.ts';
import { useInstallation } from '../support/installation.ts';
import { apps, bases, flawsThatRun, inherits, platforms, services } from '../support/tiered-cases.ts';
import { baseStream, platformStream, tieredFleet } from '../support/tiered-fleet.ts';

const LIMIT_MS = 180_000;
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
    'is closed by the next review, after which no work is left',
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
    'stops what is built on it and nothing else',
    async () => {
      const { cloud, context, review } = installation();
      expect(await review()).toMatchObject({ status: 'SUCCEEDED' });
      await untilSettled(context, LIMIT_MS);
      const [cascade] = await cascadesIn(installation());
      expect(cascade && (await endOf(installation(), cascade))).toBe('FAILED');
      expect(await rebuildsOf(installation(), streamOf('billing'))).toEqual([]);
      const fixed = [baseStream('debian'), platformStream('node'), streamOf('shop'), streamOf('worker')];
      for (const stream of fixed)
        expect([stream, (await rebuildsOf(installation(), stream))[0]?.outcome?.result]).toEqual([stream, 'fixed']);
      // Its service has a container of both: it is deployed once both are fixed.
      expect(await flawsThatRun(cloud.endpoint)).toEqual(['apps/billing 3.0.13-1', 'apps/shop 3.0.13-1']);
      expect(await heldIn(installation())).toEqual(NOTHING_HELD);
    },
    LIMIT_MS,
  );
});
