import { collect, eachConcurrently, mapConcurrently, piecesOf } from '../../shared/concurrency.ts';
import { fc } from '../support/seeded.ts';

/** A task that the test ends. */
function gates() {
  const open: (() => void)[] = [];
  const wait = () => new Promise<void>((resolve) => open.push(resolve));
  return { open, wait };
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

test('keeps the order of the items in any order of ends', async () => {
  const { open, wait } = gates();
  const all = mapConcurrently([1, 2, 3], 3, async (item) => {
    await wait();
    return item * 10;
  });
  await settled();
  for (const release of open.toReversed()) release();
  await expect(all).resolves.toEqual([10, 20, 30]);
});

test('runs no more than the limit at a time, and starts the next as one ends', async () => {
  const { open, wait } = gates();
  const all = mapConcurrently([1, 2, 3, 4, 5], 2, wait);
  await settled();
  expect(open).toHaveLength(2);
  open[0]?.();
  await settled();
  expect(open).toHaveLength(3);
  while (open.length < 5) {
    for (const release of open) release();
    await settled();
  }
  for (const release of open) release();
  await all;
});

test('throws the first failure and starts nothing after it', async () => {
  const started: number[] = [];
  const all = mapConcurrently([1, 2, 3, 4], 1, async (item) => {
    started.push(item);
    if (item === 2) throw new Error('two');
  });
  await expect(all).rejects.toThrow('two');
  expect(started).toEqual([1, 2]);
});

test('pieces hold every item once, in order, and none is larger than asked', () => {
  fc.assert(
    fc.property(fc.array(fc.integer()), fc.integer({ min: 1, max: 20 }), (items, size) => {
      const pieces = piecesOf(items, size);
      expect(pieces.flat()).toEqual(items);
      expect(pieces.every((piece) => piece.length > 0 && piece.length <= size)).toBe(true);
      expect(pieces).toHaveLength(Math.ceil(items.length / size));
    }),
    { numRuns: 200 },
  );
});

test('collects all pages', async () => {
  async function* pages() {
    yield 1;
    yield 2;
  }
  await expect(collect(pages())).resolves.toEqual([1, 2]);
});

describe('items that come one by one', () => {
  async function* numbers(count: number, taken: number[] = []): AsyncIterable<number> {
    try {
      for (let item = 1; item <= count; item += 1) {
        taken.push(item);
        yield item;
      }
    } finally {
      taken.push(0);
    }
  }

  test('each item is handled once, and no more are read than are handled', async () => {
    const { open, wait } = gates();
    const [taken, done]: [number[], number[]] = [[], []];
    const all = eachConcurrently(numbers(5, taken), 2, async (item) => {
      await wait();
      done.push(item);
    });
    await settled();
    expect(taken).toEqual([1, 2]);
    for (let release = 0; release < 5; release += 1) {
      open[release]?.();
      await settled();
    }
    await all;
    expect(done).toEqual([1, 2, 3, 4, 5]);
  });

  test('after the first failure nothing starts, the source is closed, and the failure is thrown', async () => {
    const taken: number[] = [];
    const all = eachConcurrently(numbers(9, taken), 1, async (item) => {
      if (item === 2) throw new Error('broken');
    });
    await expect(all).rejects.toThrow('broken');
    expect(taken).toEqual([1, 2, 0]);
  });

  test('none is no work', async () => {
    await expect(eachConcurrently(numbers(0), 4, () => Promise.reject(new Error('none')))).resolves.toBeUndefined();
  });
});
