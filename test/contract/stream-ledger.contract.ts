import { collect } from '../../shared/concurrency.ts';
import type { StreamLedger } from '../../shared/ports/ledger.ts';
import { digestOf, NOON_EPOCH_MS, stream } from '../support/samples.ts';
import { fc } from '../support/seeded.ts';
import type { Contract } from './contract.ts';

const NOW = NOON_EPOCH_MS;
const LIMIT_MS = 30_000;

export function streamLedgerContract({ make, propertyRuns }: Contract<StreamLedger>): void {
  test('a stream comes back as it was recorded last', async () => {
    const ledger = await make();
    const { head: _, ...headless } = stream({ stream: 'headless' });
    await ledger.recordStream(stream(), undefined);
    await ledger.recordStream(headless, undefined);
    const moved = stream({ head: { images: { 'linux/amd64': digestOf('next') }, index: digestOf('index') } });
    expect(await ledger.recordStream(moved, stream())).toBe(true);
    expect(await ledger.streams([moved.stream, 'headless', 'unknown'])).toEqual(
      new Map([
        [moved.stream, moved],
        ['headless', headless],
      ]),
    );
  });

  const withHead = (name: string) => stream({ head: { images: { 'linux/amd64': digestOf(name) } } });

  test('a stream that moved since it was read is left alone', async () => {
    const ledger = await make();
    expect(await ledger.recordStream(withHead('first'), undefined)).toBe(true);
    expect(await ledger.recordStream(withHead('newer'), withHead('first'))).toBe(true);
    expect(await ledger.recordStream(withHead('older'), withHead('first'))).toBe(false);
    expect(await ledger.recordStream(withHead('older'), undefined)).toBe(false);
    const { stream: id } = stream();
    expect(await ledger.streams([id])).toEqual(new Map([[id, withHead('newer')]]));
  });

  test('many concurrent writers that read the same head: one moves the stream', async () => {
    const ledger = await make();
    await ledger.recordStream(withHead('first'), undefined);
    const names = ['one', 'two', 'three', 'four'];
    const written = await Promise.all(names.map((name) => ledger.recordStream(withHead(name), withHead('first'))));
    expect(written.filter(Boolean)).toHaveLength(1);
  });

  test('all streams are listed once in their present state, also one without a head', async () => {
    const ledger = await make();
    expect(await collect(ledger.all())).toEqual([]);
    const { head: _, ...headless } = stream({ stream: 'headless' });
    const streams = [headless, ...Array.from({ length: 30 }, (_, n) => stream({ stream: `stream-${n}` }))];
    for (const one of streams) await ledger.recordStream(one, undefined);
    const moved = { ...withHead('next'), stream: 'stream-7' };
    await ledger.recordStream(moved, stream({ stream: 'stream-7' }));
    await ledger.recordFirstSeen('never-recorded', new Map([['CVE-2026-1#openssl', NOW]]));
    const listed = await collect(ledger.all());
    const byId = new Map(streams.map((one) => [one.stream, one])).set(moved.stream, moved);
    expect(listed).toHaveLength(byId.size);
    expect(new Map(listed.map((one) => [one.stream, one]))).toEqual(byId);
  });

  test('findings are first seen in each stream by itself', async () => {
    const ledger = await make();
    await ledger.recordFirstSeen('one', new Map([['CVE-2026-1#openssl', NOW]]));
    await ledger.recordFirstSeen('one#SEEN', new Map([['CVE-2026-2#openssl', NOW]]));
    expect(await ledger.firstSeen('one')).toEqual(new Map([['CVE-2026-1#openssl', NOW]]));
    expect(await ledger.firstSeen('two')).toEqual(new Map());
  });

  test('the earliest sighting stays, in any order', async () => {
    const sightings = fc.array(fc.tuple(fc.constantFrom('a#x', 'b#x'), fc.integer({ min: 0, max: 50 })), {
      minLength: 1,
      maxLength: 6,
    });
    await fc.assert(
      fc.asyncProperty(sightings, async (seen) => {
        const ledger = await make();
        for (const [key, at] of seen) await ledger.recordFirstSeen('one', new Map([[key, NOW + at]]));
        const earliest = new Map<string, number>();
        for (const [key, at] of seen) earliest.set(key, Math.min(earliest.get(key) ?? Infinity, NOW + at));
        expect(await ledger.firstSeen('one')).toEqual(earliest);
      }),
      { numRuns: propertyRuns },
    );
  });

  const many = (from: number, count: number, at = NOW) =>
    new Map(Array.from({ length: count }, (_, n) => [`CVE-${from + n}#libexample${(from + n) % 300}`, at] as const));

  test('12,000 findings of one stream are kept, and read in one piece', async () => {
    const ledger = await make();
    await ledger.recordFirstSeen('one', many(0, 12_000));
    await ledger.recordFirstSeen('one', many(0, 12_000, NOW + 1));
    expect(await ledger.firstSeen('one')).toEqual(many(0, 12_000));
  });

  test('writers at once of other findings lose none', async () => {
    const ledger = await make();
    await Promise.all([0, 1, 2, 3].map((n) => ledger.recordFirstSeen('one', many(n * 40, 60, NOW + n))));
    const seen = await ledger.firstSeen('one');
    expect(seen.size).toBe(180);
    expect(seen.get('CVE-40#libexample40')).toBe(NOW);
  });

  test(
    'as many concurrent writers as judge images lose no finding',
    async () => {
      const ledger = await make();
      const writers = Array.from({ length: 64 }, (_, n) => ledger.recordFirstSeen('one', many(n * 30, 30)));
      await Promise.all(writers);
      expect((await ledger.firstSeen('one')).size).toBe(64 * 30);
    },
    LIMIT_MS,
  );

  test('writers at once keep the earliest sighting of many findings', async () => {
    const ledger = await make();
    const seen = (at: number) =>
      new Map(Array.from({ length: 120 }, (_, n) => [`CVE-${n}#openssl`, NOW + at] as const));
    await Promise.all([3, 1, 2].map((at) => ledger.recordFirstSeen('one', seen(at))));
    expect(await ledger.firstSeen('one')).toEqual(seen(1));
  });
}
