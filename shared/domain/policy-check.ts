import * as v from '../schema.ts';
import { canonicalJson, sha256Hex } from './json.ts';
import { type Policy, policySchema } from './policy.ts';

export interface PolicyProblem {
  /** Field by field from the top, as in `streams[2].headTags[0]`; empty for the document as a whole. */
  readonly path: string;
  readonly message: string;
  /** From 1; present where the document is text. */
  readonly line?: number;
}

/** Every problem of a policy document at once. Such a document never becomes current. */
export class PolicyInvalidError extends Error {
  override readonly name = 'PolicyInvalidError';
  readonly problems: readonly PolicyProblem[];

  constructor(problems: readonly PolicyProblem[], options?: ErrorOptions) {
    const lines = problems.map(({ path, message, line }) => {
      const where = [...(line === undefined ? [] : [`line ${line}`]), ...(path === '' ? [] : [path])].join(', ');
      return where === '' ? message : `${where}: ${message}`;
    });
    super(
      `The policy is invalid; mend it and try again. docs/policy.md explains each field.\n${lines.join('\n')}`,
      options,
    );
    this.problems = problems;
  }
}

/**
 * A parsed JSON document as a policy, its defaults filled in.
 * @param lineOf the line of a path, where the document came from text
 * @param schema what is asked of it beyond its form
 * @throws PolicyInvalidError
 */
export function checkPolicy(
  document: unknown,
  lineOf: (path: readonly PropertyKey[]) => number | undefined = () => undefined,
  schema: v.GenericSchema<unknown, Policy> = policySchema,
): Policy {
  const checked = v.safeParse(schema, document);
  if (checked.success) return checked.data;
  const problems = checked.problems.map(({ path, message }) => {
    const line = lineOf(path);
    return { path: v.pathText(path), message, ...(line !== undefined && { line }) };
  });
  throw new PolicyInvalidError(problems);
}

/** SHA-256 of the policy's canonical JSON, defaults filled in: equal rules are one version, however they are written. */
export const policyVersion = (policy: Policy): string => sha256Hex(canonicalJson(policy));
