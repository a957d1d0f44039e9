import type { ActionExecutionDetail } from '@aws-sdk/client-codepipeline';
import { type Digest, isDigest } from '../domain/image/image.ts';

/* Reads the actions of one run. A retried action is listed once per try; only its last try counts.
 * https://docs.aws.amazon.com/codepipeline/latest/APIReference/API_ActionExecutionDetail.html */

/** A pending manual approval. */
export const waitsForApproval = (actions: readonly ActionExecutionDetail[]): boolean =>
  actions.some(({ status, input }) => status === 'InProgress' && input?.actionTypeId?.category === 'Approval');

/** The only digest in the output variable `variable` of the run's actions: none or several prove nothing. */
export function outputOf(
  actions: readonly ActionExecutionDetail[],
  variable: string,
): { readonly outputDigest: Digest } | { readonly detail: string } {
  const given = lastTries(actions)
    .filter(({ status }) => status === 'Succeeded')
    .flatMap(({ output }) => output?.outputVariables?.[variable] ?? []);
  const [first, ...others] = new Set(given);
  if (first === undefined) return { detail: `no action set the output variable ${variable}` };
  if (others.length > 0)
    return { detail: `several actions set ${variable}, to different values: ${[first, ...others].join(', ')}` };
  return isDigest(first) ? { outputDigest: first } : { detail: `${variable} is not a digest: ${first}` };
}

/** What failed and why, from the actions. */
export const failureOf = (actions: readonly ActionExecutionDetail[]): string =>
  lastTries(actions)
    .filter(({ status }) => status === 'Failed')
    .map(({ stageName, actionName, output }) => {
      const { errorDetails, externalExecutionSummary } = output?.executionResult ?? {};
      return `${stageName}/${actionName}: ${errorDetails?.message ?? externalExecutionSummary ?? 'no reason given'}`;
    })
    .join('; ');

function lastTries(actions: readonly ActionExecutionDetail[]): readonly ActionExecutionDetail[] {
  const last = new Map<string, ActionExecutionDetail>();
  for (const action of actions) {
    const key = `${action.stageName}/${action.actionName}`;
    const before = last.get(key);
    if (!before || startedAt(before) < startedAt(action)) last.set(key, action);
  }
  return [...last.values()];
}

const startedAt = ({ startTime }: ActionExecutionDetail): number => startTime?.getTime() ?? 0;
