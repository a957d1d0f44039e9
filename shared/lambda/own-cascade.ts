import type { Cascade } from '../domain/cause/cascade.ts';
import type { CascadeLedger } from '../ports/cascades.ts';
import { InvalidInputError } from './errors.ts';
/** A cascade, and the execution that requests it. */
export interface OwnExecution {
  readonly cascadeId: string;
  readonly executionArn: string;
}

/**
 * The cascade of an execution, which has its name: an execution started under another name would work on another one's
 * cascade.
 * @throws InvalidInputError if there is no such cascade, or the execution does not belong to it
 */
export async function ownCascade(
  cascades: Pick<CascadeLedger, 'get'>,
  { cascadeId, executionArn }: OwnExecution,
): Promise<Cascade> {
  const name = executionArn.split(':').at(-1);
  if (name !== cascadeId)
    throw new InvalidInputError([`executionArn: execution ${name} does not belong to cascade ${cascadeId}`]);
  const cascade = await cascades.get(cascadeId);
  if (!cascade) throw new InvalidInputError([`cascadeId: the ledger has no cascade ${cascadeId}`]);
  return cascade;
}
