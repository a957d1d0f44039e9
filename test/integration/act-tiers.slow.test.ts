import { untilSettled } from '../../local/acting.ts';
import { cascadesIn, endOf, heldIn, NOTHING_HELD, PLANNING, rebuildsOf } from '../support/acting.ts';
import { streamOf } from '../support/acting-fleet.ts';
import { useInstallation } from '../support/installation.ts';
import { apps, bases, flawsThatRun, inherits, platforms, services } from '../support/tiered-cases.ts';
import { baseStream, platformStream, tieredFleet } from '../support/tiered-fleet.ts';

const LIMIT_MS = 180_000;

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
