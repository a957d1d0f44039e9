import { mayStartOn } from '../../shared/domain/image/containerd.ts';
import { INDEX_CASES } from '../support/indexes/cases.ts';
import { askContainerd } from '../support/indexes/containerd.ts';
import { randomIndexes } from '../support/indexes/random.ts';
import { childrenOf, judged } from '../support/indexes/store.ts';
import { startedImage } from '../support/kubernetes-programs.ts';

/* What containerd starts of an index is what we judge. */

test('containerd still answers as the cases say', async () => {
  const program = await startedImage();
  const answers = askContainerd(program, INDEX_CASES);
  expect(INDEX_CASES.map(({ title }, at) => [title, answers[at]?.started])).toEqual(
    INDEX_CASES.map(({ title, containerd }) => [title, containerd]),
  );
});

test('10,000 indexes by chance: the image that we count is the one that containerd starts', async () => {
  const program = await startedImage();
  const indexes = randomIndexes(10_000);
  const answers = askContainerd(program, indexes);
  const differences: unknown[] = [];
  const count = { readable: 0, started: 0, unreadable: 0 };
  for (const [at, { stored, node }] of indexes.entries()) {
    const { started, fetched = [] } = answers[at] ?? {};
    const children = await childrenOf(stored);
    const ours = await judged(stored, node);
    if (typeof children === 'string') count.unreadable += 1;
    else {
      count.readable += 1;
      if (started !== 'nothing') count.started += 1;
      const known = new Set(children.map(({ digest }) => digest));
      // A pull may fetch one that starts nowhere, because only its config says so.
      if (ours !== started || !fetched.every((digest) => known.has(digest)))
        differences.push({ at, node, ours, started, index: stored.blobs.get(stored.digest) });
    }
  }
  expect(differences.slice(0, 3)).toEqual([]);
  expect(count.started).toBeGreaterThan(2_000);
  expect(count.unreadable).toBeLessThan(2_000);
});

test('on Windows, each image that containerd may start on some version counts', async () => {
  const program = await startedImage();
  const indexes = randomIndexes(4_000).map(({ stored }) => ({
    stored,
    node: { os: 'windows', architecture: 'amd64' },
  }));
  const answers = askContainerd(program, indexes);
  let started = 0;
  for (const [at, { stored }] of indexes.entries()) {
    const children = await childrenOf(stored);
    const name = answers[at]?.started;
    if (typeof children === 'string' || name === undefined || name === 'nothing') continue;
    started += 1;
    expect(mayStartOn(children, 'amd64').map((digest) => stored.names.get(digest))).toContain(name);
  }
  expect(started).toBeGreaterThan(10);
});
