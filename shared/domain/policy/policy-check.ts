import * as v from '../../schema.ts';
import { canonicalJson, sha256Hex } from '../common/canonical-json.ts';
import { type Policy, policySchema } from './policy.ts';

export interface PolicyProblem {
  /** Field by field from the top, as in `streams[2].headTags[0]`; empty for the document as a whole. */
  readonly path: string;
  readonly message: string;
  /** From 1; present if the document is text. */
  readonly line?: number;
}

/** Every problem of a policy document at once. Such a document never becomes current. */
export class PolicyInvalidError extends Error {
  override readonly name = 'PolicyInvalidError';
  readonly problems: readonly PolicyProblem[];

  constructor(problems: readonly PolicyProblem[], options?: ErrorOptions) {
    const lines = problems.map(lineOfProblem);
    super(
      `The policy is invalid. docs/policy.md explains each field. Correct these, then try again:\n${lines.join('\n')}`,
      options,
    );
    this.problems = problems;
  }
}

function lineOfProblem({ path, message, line }: PolicyProblem): string {
  const where = [...(line === undefined ? [] : [`line ${line}`]), ...(path === '' ? [] : [path])].join(', ');
  return where === '' ? message : `${where}: ${message}`;
}

/**
 * Checks a parsed JSON document and fills in defaults.
 * @param lineOf the line of a path, if the document came from text
 * @param schema additional requirements
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

/** Upgrades a document to the next form. */
export type PolicyUpgrade = (document: Readonly<Record<string, unknown>>) => Readonly<Record<string, unknown>>;

/**
 * One upgrade for each earlier form, starting at form 1. `version` in a document is its form. A new setting has a
 * default and needs no upgrade; a removed, renamed or stricter setting does.
 */
const UPGRADES: readonly PolicyUpgrade[] = [];

/**
 * Reads a stored document of every form that an earlier Patchwave version wrote.
 * @throws TypeError with the reason, if it is damaged or of a later form
 */
export function storedPolicy(document: unknown, upgrades = UPGRADES): Policy {
  const form = formOf(document);
  if (form !== undefined && form > upgrades.length + 1) {
    throw new TypeError(
      `it has format ${form}, of a later Patchwave version; this version reads formats up to ${upgrades.length + 1}`,
    );
  }
  const pending = form === undefined ? [] : upgrades.slice(form - 1);
  try {
    return checkPolicy(pending.reduce((older, upgrade) => upgrade(older as Record<string, unknown>), document));
  } catch (error) {
    if (!(error instanceof PolicyInvalidError)) throw error;
    throw new TypeError(error.problems.map(lineOfProblem).join('; '), { cause: error });
  }
}

function formOf(document: unknown): number | undefined {
  if (typeof document !== 'object' || document === null || !('version' in document)) return undefined;
  const { version } = document;
  return typeof version === 'number' && Number.isSafeInteger(version) && version > 0 ? version : undefined;
}

/** SHA-256 of the policy's canonical JSON with defaults: equal rules have one version, however they are written. */
export const policyVersion = (policy: Policy): string => sha256Hex(canonicalJson(policy));
