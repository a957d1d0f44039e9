import type { ImageContent } from '../../shared/domain/lineage/image-content.ts';
import type { ContentLedger } from '../../shared/ports/ledger.ts';
import { digestOf } from '../support/samples.ts';
import type { Contract } from './contract.ts';

const bare = (name: string): ImageContent => ({ digest: digestOf(name), layers: [digestOf(`${name}-layer`)] });

export function contentLedgerContract({ make }: Contract<ContentLedger>): void {
  test('nothing is known before it is recorded', async () => {
    const ledger = await make();
    expect(await ledger.get([])).toEqual(new Map());
    expect(await ledger.get([digestOf('a')])).toEqual(new Map());
  });

  test('content of any length is returned as written, in order', async () => {
    const ledger = await make();
    const steps = Array.from({ length: 300 }, (_, n) => n);
    const long: ImageContent = {
      digest: digestOf('long'),
      layers: steps.slice(0, 127).map((n) => digestOf(`layer-${n % 100}`)),
      diffIds: steps.slice(0, 127).map((n) => digestOf(`content-${n % 100}`)),
      history: steps.map((n) => ({ createdBy: `${n}`, ...(n % 2 === 0 && { created: '2026-11-24T03:00:00Z' }) })),
      labels: { 'org.opencontainers.image.base.name': 'docker.io/library/debian:12' },
    };
    await ledger.record([]);
    await ledger.record([long, { digest: digestOf('empty'), layers: [] }]);
    const known = await ledger.get([long, { digest: digestOf('empty') }].map(({ digest }) => digest));
    expect(known.get(long.digest)).toEqual(long);
    expect(known.get(digestOf('empty'))).toEqual({ digest: digestOf('empty'), layers: [] });
  });

  test('recorded again it is what it was; any number is written and read at once', async () => {
    const ledger = await make();
    const contents = Array.from({ length: 120 }, (_, n) => bare(`image-${n}`));
    await ledger.record(contents);
    await ledger.record(contents.slice(0, 5));
    const known = await ledger.get([...contents.map(({ digest }) => digest), digestOf('nobody')]);
    expect([...known.values()].sort(byDigest)).toEqual(contents.sort(byDigest));
  });

  test('content over the size of an item is refused by name; the others of its batch are kept', async () => {
    const ledger = await make();
    const large: ImageContent = {
      ...bare('large'),
      history: Array.from({ length: 15_000 }, (_, n) => ({ createdBy: digestOf(`step ${n}`) })),
    };
    const others = Array.from({ length: 30 }, (_, n) => bare(`small-${n}`));
    expect(await ledger.record([...others.slice(0, 3), large, ...others.slice(3)])).toEqual([large.digest]);
    const known = await ledger.get([large, ...others].map(({ digest }) => digest));
    expect([...known.values()].sort(byDigest)).toEqual(others.sort(byDigest));
  });
}

const byDigest = (one: ImageContent, other: ImageContent): number => (one.digest < other.digest ? -1 : 1);
