import { readFile } from 'node:fs/promises';
import type { Policy } from '../shared/domain/policy.ts';
import { parsePolicy } from '../shared/domain/policy-document.ts';
import { UsageError } from './errors.ts';

/** @throws PolicyInvalidError with every problem and where it is; UsageError where there is no file */
export async function policyIn(file: string | undefined): Promise<Policy> {
  if (file === undefined) throw new UsageError('Which policy? Give the file that holds it.');
  try {
    return parsePolicy(await readFile(file, 'utf8'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    throw new UsageError(`There is no file ${file}.`, { cause: error });
  }
}
