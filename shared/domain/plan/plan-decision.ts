import { type CauseFact, factKey } from '../cause/cause.ts';
import { needsNewScan } from '../cause/fact-status.ts';
import { mayDeploy, pauseAfterBreakOff } from '../guard/guard.ts';
import { type NegativeDecision, wait } from '../guard/guard-answer.ts';
import { factText } from '../guard/guard-facts.ts';
import type { PlannedTiers } from './follow-roots.ts';
import type { PlanContext } from './plan-model.ts';
import type { ChosenWork } from './plan-nodes.ts';
import { isForLater, REVIEW_RUNNING, type RootAnswer } from './plan-roots.ts';
import { type ClassifiedFacts, leftWith, unknownText } from './sort-facts.ts';

/** The answer for a cause that is no rebuild node: neither, if all its facts are settled or it is a node. */
export interface CauseDecision {
  readonly deploy?: ChosenWork;
  readonly answer?: NegativeDecision;
}

/**
 * If a rebuild must wait, the deployment waits too, because the rebuild would fix the same. A head is deployed for a
 * finding only after a scan of today shows that the head lacks it (`needsNewScan`): an older scan may predate the
 * vulnerability.
 */
export function decide(
  sorted: ClassifiedFacts,
  roots: ReadonlyMap<string, RootAnswer>,
  { nodes, held }: PlannedTiers,
  context: PlanContext,
  nowEpochMs: number,
): CauseDecision {
  const { candidate, own, deploy, gone } = sorted;
  const { stream, cause, history, closing } = candidate;
  if (nodes.has(stream) || gone.length === cause.facts.length) return {};
  const answer = own.length > 0 ? roots.get(stream) : undefined;
  if (answer?.answer === 'wait') return { answer };
  const left = withoutFacts(deploy, closing);
  if (left.length > 0) {
    const { killSwitch, guards } = context;
    const obstacle = mayDeploy({ ...candidate, killSwitch }) ?? pauseAfterBreakOff(history, guards, nowEpochMs);
    if (obstacle) return { answer: obstacle };
    if (isForLater(left, context)) return { answer: REVIEW_RUNNING };
    const { heads = [] } = candidate;
    const facts = left.filter((fact) => !needsNewScan(fact, heads, nowEpochMs));
    const [unscanned] = left;
    if (facts.length > 0) return { deploy: { candidate, work: 'deploy', facts } };
    if (unscanned && unknownText(sorted) === undefined) return { answer: notScannedSince(unscanned) };
  }
  return { answer: held.get(stream) ?? (answer?.answer === 'refuse' ? answer : undefined) ?? leftWith(sorted) };
}

function withoutFacts(facts: readonly CauseFact[], others: readonly CauseFact[]): readonly CauseFact[] {
  const keys = new Set(others.map(factKey));
  return facts.filter((fact) => !keys.has(factKey(fact)));
}

const notScannedSince = (fact: CauseFact): NegativeDecision =>
  wait(
    'unknown-facts',
    `The last scan of the head ended before ${factText(fact)} was first seen. Patchwave scans the head again, then deploys or rebuilds it.`,
  );
