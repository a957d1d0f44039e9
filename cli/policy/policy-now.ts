import { NoPolicyError, PolicyUnreadableError } from '../../shared/ports/errors.ts';
import type { CurrentPolicy } from '../../shared/ports/policies.ts';
import type { CliContext } from '../command.ts';

/** @returns nothing before the first policy, or if the one in force cannot be read: applying a policy repairs that */
export async function policyNow({ policies }: Pick<CliContext, 'policies'>): Promise<CurrentPolicy | undefined> {
  try {
    return await policies.current();
  } catch (error) {
    if (error instanceof NoPolicyError || error instanceof PolicyUnreadableError) return undefined;
    throw error;
  }
}
