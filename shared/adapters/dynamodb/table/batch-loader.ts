/**
 * Batches concurrent reads: those of one turn of the event loop make one call, like a data loader
 * (https://github.com/graphql/dataloader), in less code for the bundles.
 * @param answerAll returns the answers in the order of the requests; if it throws, each request is made alone
 */
export function together<Question, Answer>(
  answerAll: (questions: readonly Question[]) => Promise<readonly Answer[]>,
): (questions: readonly Question[]) => Promise<readonly Answer[]> {
  let waiting: Question[] = [];
  let answers: Promise<readonly Answer[]> | undefined;
  // Code that only awaits promises runs before the next tick, and may add requests.
  const turn = async (): Promise<readonly Answer[]> => {
    await undefined;
    await new Promise<void>((resolve) => process.nextTick(resolve));
    const asked = waiting;
    waiting = [];
    answers = undefined;
    return answerAll(asked);
  };
  return async (questions) => {
    const from = waiting.length;
    waiting.push(...questions);
    answers ??= turn();
    const all = waiting;
    try {
      return (await answers).slice(from, from + questions.length);
    } catch (error) {
      if (all.length === questions.length) throw error;
      return answerAll(questions);
    }
  };
}
