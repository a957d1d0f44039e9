import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { parse as parseYaml } from 'yaml';
import { pathText, safeParse } from '../../shared/schema.ts';
import { checkFleet } from './check.ts';
import { FleetError } from './problems.ts';
import { type Fleet, type FleetPolicyDocument, fleetSchema } from './schema.ts';

export { FleetError } from './problems.ts';

/**
 * Reads a fleet file and the policy document it names.
 *
 * @throws FleetError listing every problem with its JSON path
 */
export async function loadFleet(file: string): Promise<Fleet> {
  const document = await readJson(file);
  const policy = isObject(document) ? document.policy : undefined;
  if (!isObject(document) || typeof policy !== 'string') return parseFleet(document, file);
  return parseFleet({ ...document, policy: await readPolicy(file, policy) }, file);
}

/**
 * Checks a fleet document whose policy is inline and fills in the defaults.
 *
 * @param source names the document in the error
 * @throws FleetError listing every problem with its JSON path
 */
export function parseFleet(document: unknown, source: string): Fleet {
  const parsed = safeParse(fleetSchema, document);
  if (!parsed.success) {
    throw new FleetError(
      source,
      parsed.problems.map(({ path, message }) => ({ path: pathText(path), message })),
    );
  }
  const { policy } = parsed.data;
  if (typeof policy === 'string') {
    throw new FleetError(source, [
      {
        path: 'policy',
        message: `"${policy}" is a path. Only a fleet that is read from a file may give the policy as a path`,
      },
    ]);
  }
  const fleet = { ...parsed.data, policy };
  const problems = checkFleet(fleet);
  if (problems.length > 0) throw new FleetError(source, problems);
  return fleet;
}

async function readJson(file: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(file, 'utf8'));
  } catch (cause) {
    throw new FleetError(file, [{ path: '', message: `cannot be read as JSON: ${messageOf(cause)}` }], { cause });
  }
}

async function readPolicy(fleetFile: string, path: string): Promise<FleetPolicyDocument> {
  try {
    const document: unknown = parseYaml(await readFile(resolve(dirname(fleetFile), path), 'utf8'));
    if (isObject(document)) return document;
  } catch (cause) {
    const message = `"${path}" cannot be read as YAML: ${messageOf(cause)}`;
    throw new FleetError(fleetFile, [{ path: 'policy', message }], { cause });
  }
  throw new FleetError(fleetFile, [{ path: 'policy', message: `"${path}" has no policy document` }]);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
