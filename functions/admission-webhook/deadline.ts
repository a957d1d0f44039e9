import { ReadsTimedOutError } from './errors.ts';

/** For the head that a refusal names, and again for its record. With the reads, less than the function may take. */
export const REPORT_MILLISECONDS = 400;

/** Waits for work at most so long; work that takes longer goes on without a waiting caller. */
export async function inTime<Value>(milliseconds: number, work: Promise<Value>): Promise<Value> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new ReadsTimedOutError(milliseconds)), milliseconds);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
