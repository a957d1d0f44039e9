import type { Retry } from '../../../shared/ports/retry.ts';

/** Never waits, and counts how often it was asked to. */
export function countingBackoff(attempts: number): Retry & { readonly waits: number[] } {
  const waits: number[] = [];
  return { attempts, waits, wait: async (attempt) => void waits.push(attempt) };
}

/** An error as the SDK throws it, known by its name. */
export function awsError(name: string, message = 'as AWS says it'): Error {
  return Object.assign(new Error(message), { name });
}
