import { announce } from '../../../shared/events/announce.ts';
import { EVENTS } from '../../../shared/events/index.ts';
import { parse } from '../../../shared/schema.ts';
import { digestOf, findingReason, imageProperties, verdict } from '../../support/samples.ts';
import { fc } from '../../support/seeded.ts';
import { anyRecord } from './arbitraries.ts';

const published = new Map(
  EVENTS.filter(({ source }) => source === 'patchwave').map((event) => [event.detailType, event]),
);

/** As EventBridge delivers it. */
const delivered = (event: ReturnType<typeof announce>[number]): unknown =>
  JSON.parse(
    JSON.stringify({
      source: 'patchwave',
      'detail-type': event.detailType,
      account: '111122223333',
      region: 'eu-west-1',
      time: '2026-11-24T03:12:09Z',
      resources: event.resources,
      detail: event.detail,
    }),
  );

test('every ledger change gives an event that fits its contract, without extra members', () => {
  const types = new Set<string>();
  fc.assert(
    fc.property(fc.option(anyRecord, { nil: undefined }), anyRecord, (before, after) => {
      for (const event of announce(before, after)) {
        types.add(event.detailType);
        const contract = published.get(event.detailType);
        if (!contract) throw new Error(`${event.detailType} has no contract in shared/events/index.ts`);
        parse(contract.schema, delivered(event), event.detailType);
        expect(event.resources).toHaveLength(1);
      }
    }),
    { numRuns: 5_000 },
  );
  expect([...types].sort()).toEqual([...published.keys()].sort());
});

test('an image with 5,000 findings fits one EventBridge entry, with the number of all', () => {
  const reasons = Array.from({ length: 5_000 }, (_, number) => findingReason(number));
  const [event] = announce(undefined, {
    kind: 'image',
    record: {
      ...imageProperties('app'),
      inUse: true,
      isHead: true,
      scan: { state: 'complete', coverage: ['os'] },
      verdict: verdict('violating', { reasons }),
    },
  });
  expect(event?.detail).toMatchObject({ digest: digestOf('app'), reasonCount: 5_000, reasons: reasons.slice(0, 100) });
  expect(Buffer.byteLength(JSON.stringify(event))).toBeLessThan(128 * 1024);
});

test('a stream with 5,000 facts fits one entry, with the number of all', () => {
  const all = Array.from({ length: 5_000 }, (_, number) => ({
    kind: 'finding' as const,
    ruleId: 'critical',
    vulnerability: `CVE-2026-${number}`,
    package: 'openssl',
    version: '3.0.11-1',
    fix: 'unknown' as const,
    sinceEpochMs: 1_700_000_000_000,
  }));
  const record = { stream: 's', facts: all, sinceEpochMs: 1_700_000_000_000, version: 5_000, state: 'open' as const };
  const [event] = announce(undefined, { kind: 'cause', record });
  expect(event?.detail).toMatchObject({ factCount: 5_000, facts: all.slice(0, 100) });
  expect(Buffer.byteLength(JSON.stringify(event))).toBeLessThan(128 * 1024);
});
