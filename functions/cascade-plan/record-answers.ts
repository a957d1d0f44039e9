import { mapConcurrently } from '../../shared/concurrency.ts';
import { answerCause, type Cause, settleFacts } from '../../shared/domain/cause/cause.ts';
import { afterSettled } from '../../shared/domain/guard/tries.ts';
import type { CascadePlan } from '../../shared/domain/plan/plan-model.ts';
import type { PlanView } from '../../shared/planning/read-plan.ts';
import type { PlanPorts } from './ports.ts';

const WRITES_AT_ONCE = 16;

/**
 * Forgets rebuild attempts for facts that no image has any more. If the planner dies first, the attempts still count: a
 * returning fact is then tried less often.
 */
export async function forgetSettled(
  { guards }: Pick<PlanPorts, 'guards'>,
  { streams }: Pick<PlanView, 'streams'>,
  { settled }: CascadePlan,
): Promise<void> {
  const concerned = streams.filter(({ cause: { stream }, history }) => {
    const facts = settled.get(stream) ?? [];
    return afterSettled(history, facts) !== history;
  });
  await mapConcurrently(concerned, WRITES_AT_ONCE, ({ cause: { stream } }) =>
    guards.change(stream, (history) => afterSettled(history, settled.get(stream) ?? [])),
  );
}

/** Records settled facts and new answers. A cause that got a new fact since it was read waits for the next plan. */
export async function recordAnswers(
  { causes }: Pick<PlanPorts, 'causes'>,
  read: readonly Cause[],
  { answers, settled }: CascadePlan,
  policyVersion: string,
): Promise<void> {
  const answered = read.filter(({ stream }) => answers.has(stream) || settled.has(stream));
  await mapConcurrently(answered, WRITES_AT_ONCE, async ({ stream, version }) => {
    const answer = answers.get(stream);
    await causes.change(stream, (before) => {
      if (!before || before.version !== version) return undefined;
      const left = settleFacts(before, settled.get(stream) ?? []);
      const after = answer ? answerCause(left, { ...answer, policyVersion }) : left;
      return after === before ? undefined : after;
    });
  });
}
