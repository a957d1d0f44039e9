/**
 * Applies `task` to every item, at most `limit` at a time, and gives the results in the order of the items.
 * The first failure stops further items from being started and is thrown.
 */
export async function mapConcurrently<Item, Result>(
  items: readonly Item[],
  limit: number,
  task: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  const waiting = items.entries();
  let failed = false;
  const work = async (): Promise<void> => {
    for (const [index, item] of waiting) {
      if (failed) return;
      results[index] = await task(item).catch((error: unknown) => {
        failed = true;
        throw error;
      });
    }
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, work));
  return results;
}

/** Pieces of at most `size` items. */
export function piecesOf<Item>(items: readonly Item[], size: number): Item[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, index) =>
    items.slice(index * size, (index + 1) * size),
  );
}

/** All items of an async iterable, for those that are known to be few. */
export async function collect<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const all: Item[] = [];
  for await (const item of items) all.push(item);
  return all;
}

/**
 * Applies `task` to every item of an async iterable, at most `limit` at a time, and holds no more of them than that.
 * The first failure stops further items from being started and is thrown.
 */
export async function eachConcurrently<Item>(
  items: AsyncIterable<Item>,
  limit: number,
  task: (item: Item) => Promise<unknown>,
): Promise<void> {
  const iterator = items[Symbol.asyncIterator]();
  let isOver = false;
  const work = async (): Promise<void> => {
    while (!isOver) {
      const next = await iterator.next();
      if (next.done) return;
      await task(next.value);
    }
  };
  const stop = (error: unknown): never => {
    isOver = true;
    throw error;
  };
  try {
    await Promise.all(Array.from({ length: limit }, () => work().catch(stop)));
  } finally {
    await iterator.return?.();
  }
}

/** Reads each key once, also if it is asked for again while it is read. */
export function onceForEach<Key, Value>(read: (key: Key) => Promise<Value>): (key: Key) => Promise<Value> {
  const known = new Map<Key, Promise<Value>>();
  return (key) => {
    const before = known.get(key);
    if (before !== undefined) return before;
    const reading = read(key);
    known.set(key, reading);
    return reading;
  };
}
