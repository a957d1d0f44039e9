import { INDEX_CASES } from '../../support/indexes/cases.ts';
import { randomIndexes } from '../../support/indexes/random.ts';
import { childrenOf, judged } from '../../support/indexes/store.ts';

test.each(INDEX_CASES.map((one) => [one.title, one] as const))(
  '%s: we judge what containerd starts',
  async (_, one) => {
    const { stored, node, containerd, unreadable } = one;
    const expected =
      unreadable === undefined || unreadable === 'nothing' ? (unreadable ?? containerd) : `unreadable: ${unreadable}`;
    expect(await judged(stored, node)).toBe(expected);
  },
);

test('an index has each image that a node may start, and no attestation', async () => {
  for (const { stored, unreadable, containerd } of INDEX_CASES) {
    const children = await childrenOf(stored);
    if (typeof children === 'string') expect(children).toBe(unreadable);
    else if (containerd !== 'nothing')
      expect(children.map(({ digest }) => stored.names.get(digest))).toContain(containerd);
  }
});

test('no index by chance makes it throw, and most can be read', async () => {
  const read = await Promise.all(randomIndexes(500).map(({ stored }) => childrenOf(stored)));
  expect(read.filter((one) => typeof one !== 'string').length).toBeGreaterThan(350);
});
