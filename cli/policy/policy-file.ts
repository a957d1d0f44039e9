import { createReadStream } from 'node:fs';
import { Document, visit } from 'yaml';
import { visibleLine } from '../../shared/domain/common/visible-text.ts';
import type { Policy } from '../../shared/domain/policy/policy.ts';
import { parsePolicy } from '../../shared/domain/policy/policy-document.ts';
import { UsageError } from '../errors.ts';

/** @throws PolicyInvalidError with every problem and its place; UsageError if the file cannot be read */
export async function policyIn(file: string | undefined, action = 'apply'): Promise<Policy> {
  if (file === undefined || file === '')
    throw new UsageError(`Which policy? Give its file: patchwave policy ${action} FILE`);
  return parsePolicy(await textOf(file));
}

const MOST_BYTES = 1024 * 1024;

/** Reads no more than a policy can be: a file may be a device without an end. */
async function textOf(file: string): Promise<string> {
  const bytes = await bytesOf(file);
  if (bytes.length > MOST_BYTES) throw new UsageError(`${file} is larger than 1 MiB, so it is no policy.`);
  if (bytes.includes(0)) throw new UsageError(`${file} is no text, so it is no policy.`);
  return bytes.toString('utf8');
}

async function bytesOf(file: string): Promise<Buffer> {
  try {
    const pieces: Buffer[] = [];
    for await (const piece of createReadStream(file, { end: MOST_BYTES })) pieces.push(piece);
    return Buffer.concat(pieces);
  } catch (error) {
    const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    throw new UsageError(isMissing ? `There is no file ${file}.` : `${file} cannot be read.`, { cause: error });
  }
}

/** A policy as YAML that `parsePolicy` reads as the same policy, also after hidden characters became escapes. */
export function policyYaml(policy: Policy): string {
  const document = new Document(policy);
  visit(document, {
    Scalar: (_, node) => {
      // Only a text in double quotes may have escapes.
      if (typeof node.value === 'string' && visibleLine(node.value) !== node.value) node.type = 'QUOTE_DOUBLE';
    },
  });
  return document.toString({ lineWidth: 0 });
}
