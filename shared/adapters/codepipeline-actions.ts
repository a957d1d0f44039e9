import type { ActionExecutionDetail } from '@aws-sdk/client-codepipeline';
import { type Digest, isDigest } from '../domain/image/image.ts';

/*
 * What the actions of one run say. An action that was retried is listed once for each try; only its last try counts.
 * https://docs.aws.amazon.com/codepipeline/latest/APIReference/API_ActionExecutionDetail.html
 */

/** A manual approval that nobody gave yet. */
export const waitsForApproval = (actions: readonly ActionExecutionDetail[]): boolean =>
  actions.some(({ status, input }) => status === 'InProgress' && input?.actionTypeId?.category === 'Approval');

/** The one digest that the run's actions give under `variable`: none is no proof, and neither are two. */
export function outputOf(
  actions: readonly ActionExecutionDetail[],
  variable: string,
): { readonly outputDigest: Digest } | { readonly detail: string } {
  const given = lastTries(actions)
    .filter(({ status }) => status === 'Succeeded')
    .flatMap(({ output }) => output?.outputVariables?.[variable] ?? []);
  const [first, ...others] = new Set(given);
  if (first === undefined) return { detail: `no action has an output variable ${variable}` };
  if (others.length > 0) return { detail: `actions differ in ${variable}: ${[first, ...others].join(', ')}` };
  return isDigest(first) ? { outputDigest: first } : { detail: `${variable} is not a digest: ${first}` };
}

/** What failed, and why, in the words of the actions. */
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
