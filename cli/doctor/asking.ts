import { isRefusal } from '../../shared/adapters/refusal.ts';
import { ReadDeniedError } from './reading.ts';

/**
 * Makes one call of AWS.
 * @param action the IAM action that the call needs
 * @throws ReadDeniedError where AWS denies it; every other error as it is
 */
export async function asking<Answer>(action: string, call: () => Promise<Answer>): Promise<Answer> {
  try {
    return await call();
  } catch (error) {
    throw isRefusal(error) ? new ReadDeniedError(action, error) : error;
  }
}
