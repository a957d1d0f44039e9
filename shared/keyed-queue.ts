/**
 * Runs tasks of one key one after the other, in the order in which they were given, and those of different keys at the
 * same time: writers of one process that would only be in each other's way. A task that fails stops no other.
 */
export function keyedQueue(): <Result>(key: string, task: () => Promise<Result>) => Promise<Result> {
  const last = new Map<string, Promise<unknown>>();
  return async (key, task) => {
    const turn = (last.get(key) ?? Promise.resolve()).then(task, task);
    last.set(key, turn);
    try {
      return await turn;
    } finally {
      if (last.get(key) === turn) last.delete(key);
    }
  };
}
