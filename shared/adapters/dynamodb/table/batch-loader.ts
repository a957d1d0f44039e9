/**
 * Questions that are asked at the same time, answered together: those of one turn of the event loop make one call, as
 * with a data loader (https://github.com/graphql/dataloader), of which the bundles have room for this much.
 * @param answerAll the answers in the order of the questions; where it throws, each who asked is answered alone
 */
export function together<Question, Answer>(
  answerAll: (questions: readonly Question[]) => Promise<readonly Answer[]>,
): (questions: readonly Question[]) => Promise<readonly Answer[]> {
  let waiting: Question[] = [];
  let answers: Promise<readonly Answer[]> | undefined;
  // Whoever waits for nothing but promises goes on before the next tick, and may ask as well.
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
