import type { Cascade } from '../domain/cause/cascade.ts';
import type { CascadeLedger } from '../ports/cascades.ts';
import { InvalidInputError } from './errors.ts';
/** A cascade, and the execution that asks for it. */
export interface OwnExecution {
  readonly cascadeId: string;
  readonly executionArn: string;
}

/**
 * The cascade of an execution, which bears its name: one that a person started under another name would work on what
 * another one works on.
 * @throws InvalidInputError where nobody planned it, or the execution is not its own
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
