import { messageIn } from '../../shared/domain/common/failure-text.ts';
import { InvalidInputError } from '../../shared/lambda/errors.ts';
import type { CascadeLedger } from '../../shared/ports/cascades.ts';
import type { AbandonStep } from './input.ts';
import { type ReapPorts, reapCascade } from './reap.ts';
import { type WakePorts, wakePlanner } from './wake-planner.ts';

export interface AbandonPorts extends ReapPorts, WakePorts {
  readonly cascades: ReapPorts['cascades'] & Pick<CascadeLedger, 'get' | 'node'>;
}

/** The error with which the execution fails. */
export interface AbandonedCascade {
  readonly error: string;
  readonly cause: string;
}

/** https://docs.aws.amazon.com/step-functions/latest/dg/state-fail.html: what an execution shows of its end. */
const LONGEST_CAUSE = 2000;

/**
 * Ends a cascade in the last step of its own execution, wakes the planner, and returns the error with which the
 * execution fails.
 * @throws InvalidInputError if the execution belongs to another cascade, or the cascade does not exist
 */
export async function abandonCascade(
  ports: AbandonPorts,
  { cascadeId, executionArn, error }: Omit<AbandonStep, 'action'>,
): Promise<AbandonedCascade> {
  const cascade = await ports.cascades.get(cascadeId);
  if (!cascade) throw new InvalidInputError([`cascadeId: the ledger has no cascade ${cascadeId}`]);
  const isOwn = (cascade.executionArn ?? executionArn) === executionArn && executionArn.endsWith(`:${cascadeId}`);
  if (!isOwn) throw new InvalidInputError([`executionArn: it does not belong to cascade ${cascadeId}`]);
  const cause = messageIn(error.Cause).slice(0, LONGEST_CAUSE);
  await reapCascade(ports, cascade, { error: error.Error, detail: cause });
  await wakePlanner(ports, cascadeId);
  return { error: error.Error, cause };
}
