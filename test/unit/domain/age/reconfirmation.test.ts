import { withReconfirmation } from '../../../../shared/domain/verdict/image-updates.ts';
import { FakeImageLedger } from '../../../support/fakes/images.ts';
import { fc } from '../../../support/seeded.ts';
import { completeScan, DAY, digestOf, image, LOCATION, NOW } from '../arbitraries.ts';

const DIGEST = digestOf('web');

/** All that is ever written of an image but the end of a rebuild of ours: pushes, copies, tags, scans, and what runs. */
const writes = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constant('facts' as const), bornDaysAgo: fc.nat({ max: 40 }), copies: fc.nat({ max: 2 }) }),
    fc.record({ kind: fc.constant('presence' as const), inUse: fc.boolean(), isHead: fc.boolean() }),
    fc.record({ kind: fc.constant('lineage' as const), bornDaysAgo: fc.nat({ max: 40 }) }),
    fc.record({ kind: fc.constant('scan' as const), hoursAgo: fc.nat({ max: 40 }) }),
    fc.record({ kind: fc.constant('rebuild' as const), daysAgo: fc.nat({ max: 40 }) }),
  ),
  { maxLength: 12 },
);
type Write = typeof writes extends fc.Arbitrary<(infer One)[]> ? One : never;

async function write(ledger: FakeImageLedger, one: Write): Promise<void> {
  switch (one.kind) {
    case 'facts': {
      const bornAtEpochMs = NOW - one.bornDaysAgo * DAY;
      const evidence = [{ kind: 'first-push' as const, atEpochMs: bornAtEpochMs }];
      const copy = { ...LOCATION, repository: 'apps/copy' };
      const locations = Array.from({ length: one.copies + 1 }, () => copy);
      return ledger.recordProperties(image({ birth: { known: true, bornAtEpochMs, evidence }, locations }));
    }
    case 'presence':
      return ledger.recordPresence(DIGEST, one);
    case 'lineage':
      return ledger.recordLineage(DIGEST, {
        age: { known: true, bornAtEpochMs: NOW - one.bornDaysAgo * DAY, decidedBy: DIGEST },
      });
    case 'scan': {
      const [scan, verdict] = [
        completeScan(one.hoursAgo),
        { status: 'compliant', reasons: [], policyVersion: 'p' } as const,
      ];
      await ledger.recordJudgement({ digest: DIGEST, scan, verdict, judgedAtEpochMs: NOW });
      return;
    }
    case 'rebuild':
      return ledger.recordReconfirmation(DIGEST, NOW - one.daysAgo * DAY);
  }
}

test('only rebuilds by Patchwave reconfirm content, and the latest one counts', async () => {
  await fc.assert(
    fc.asyncProperty(writes, async (all) => {
      const ledger = new FakeImageLedger();
      await ledger.recordProperties(image());
      for (const one of all) await write(ledger, one);
      const rebuilds = all.flatMap((one) => (one.kind === 'rebuild' ? NOW - one.daysAgo * DAY : []));
      const record = (await ledger.get([DIGEST])).get(DIGEST);
      expect(record?.reconfirmedAtEpochMs).toBe(rebuilds.length > 0 ? Math.max(...rebuilds) : undefined);
    }),
  );
});

test('a later reconfirmation stays', () => {
  const before = { ...image(), inUse: true, isHead: true, scan: completeScan(), reconfirmedAtEpochMs: NOW };
  expect(withReconfirmation(before, NOW)).toBeUndefined();
  expect(withReconfirmation(before, NOW - 1)).toBeUndefined();
  expect(withReconfirmation(before, NOW + 1)).toEqual({ ...before, reconfirmedAtEpochMs: NOW + 1 });
});
