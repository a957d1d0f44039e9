import { readFile } from 'node:fs/promises';
import type { Policy } from '../../shared/domain/policy/policy.ts';
import { parsePolicy } from '../../shared/domain/policy/policy-document.ts';
import { UsageError } from '../errors.ts';

/** @throws PolicyInvalidError with every problem and its place; UsageError if the file cannot be read */
export async function policyIn(file: string | undefined, action = 'apply'): Promise<Policy> {
  if (file === undefined) throw new UsageError(`Which policy? Give its file: patchwave policy ${action} FILE`);
  return parsePolicy(await textOf(file));
}

async function textOf(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    throw new UsageError(isMissing ? `There is no file ${file}.` : `${file} cannot be read.`, { cause: error });
  }
}
