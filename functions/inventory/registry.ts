import { mapConcurrently } from '../../shared/concurrency.ts';
import { matchesAnyGlob } from '../../shared/domain/common/glob.ts';
import { HOUR_MS } from '../../shared/domain/common/time.ts';
import { type Registry, registryKey } from '../../shared/domain/image/image.ts';
import { baseRepositoriesOf, coversPlace } from '../../shared/domain/lineage/base-readings.ts';
import type { Policy } from '../../shared/domain/policy/policy.ts';
import {
  type RepositoryPorts,
  type RepositoryQuestion,
  type RepositoryReading,
  readRepository,
} from '../../shared/inventory/repository.ts';
import { logger } from '../../shared/lambda/powertools.ts';
import { RegistryUnreachableError } from '../../shared/ports/errors.ts';
import type { RunLedger } from '../../shared/ports/ledger.ts';
import type { Policies } from '../../shared/ports/policies.ts';
import type { ImageRegistry } from '../../shared/ports/registry.ts';
import type { RunFiles } from '../../shared/ports/run-files.ts';
import type { RegistryScans } from '../../shared/ports/scanner.ts';
import type { Scratch } from '../../shared/ports/scratch.ts';
import {
  type RegistryDocument,
  registryDocument,
  registryReadingDocument,
  runFileKeys,
} from '../../shared/review/documents.ts';
import { policyOfRun } from '../../shared/review/policy-in-force.ts';
import { readDocument, readDocumentIfAny } from '../../shared/review/read-document.ts';
import { writeScansOfRun } from '../../shared/review/scans-of-run.ts';
import type { InventoryActionInput } from './input.ts';

const REPOSITORIES_AT_ONCE = 4;

/**
 * Leaves four hours for the rest of the review. Unread repositories are named, and the next review continues with them.
 */
const LONGEST_READING_MS = 2 * HOUR_MS;

/** Beyond this number, the pattern of the policy is named instead. */
export const MOST_UNREAD_NAMED = 100;

export interface RegistryPorts extends RepositoryPorts {
  readonly policies: Policies;
  readonly runs: Pick<RunLedger, 'recordPart'>;
  readonly files: RunFiles;
  readonly scans: RegistryScans;
  readonly scratch: Scratch;
}

export interface RegistryReply {
  /** `unfinished`: the time of this attempt is over, and the next attempt continues. */
  readonly status: 'complete' | 'failed' | 'unfinished';
  readonly images: number;
  readonly missing: number;
}

/**
 * Reads one registry: every image of its base and platform repositories, and the images that the fleet runs from the
 * others. Records the properties of images and the meaning of unresolved tags. At `endsAtEpochMs` it saves which
 * repositories are done, and the next attempt reads the rest without downloading anything twice. The run part is
 * written only when no attempt follows.
 * @throws the failure of a repository unless it is a refusal, so that the step is retried; everything else is recorded
 * by then, and a part `failed` exists in case no attempt succeeds
 */
export async function readRegistry(
  ports: RegistryPorts,
  step: InventoryActionInput<'registry'>,
): Promise<RegistryReply> {
  const { runId, registry } = step;
  const keys = runFileKeys(runId);
  const begun = await readDocumentIfAny(ports.files, keys.reading(registry), registryReadingDocument);
  const beganAtEpochMs = begun?.beganAtEpochMs ?? ports.clock();
  const { policy } = await policyOfRun(ports, step);
  const asked = await readDocument(ports.files, keys.registry(registry), registryDocument);
  const listed = await listedRepositories(ports.registry, policy, registry);
  const questions = questionsOf(asked, listed.repositories);
  const readings = await mapConcurrently(questions, REPOSITORIES_AT_ONCE, async (question): Promise<NamedReading> => {
    const { repository } = question.location;
    return { repository, ...(begun?.repositories[repository] ?? (await readRepository(ports, policy, question))) };
  });
  const result = resultOf(readings, listed.unreachable?.message);
  const { images, missing } = result;
  const isUnfinished = readings.some((reading) => reading.isUnfinished);
  const goesOn = isUnfinished && ports.clock() < beganAtEpochMs + LONGEST_READING_MS;
  const unexpected = readings.find(({ failure, isUnfinished: isLeft }) => failure && !failure.isRefusal && !isLeft);
  if (isUnfinished || unexpected) {
    await ports.files.put(keys.reading(registry), { beganAtEpochMs, repositories: doneIn(readings) });
  }
  if (goesOn) return { status: 'unfinished', images, missing };
  await readScans(ports, runId, registry);
  const tags = readings.map(({ repository, tags: meanings }) => [repository, meanings] as const);
  await ports.files.put(keys.tags(registry), Object.fromEntries(tags));
  const unread = unreadOf(policy, registry, readings, listed.unreachable !== undefined);
  const ofBases = readings.filter(({ repository }) => matchesAnyGlob(unread, repository));
  const unreadBecause = reasonsOf(ofBases, listed.unreachable);
  const part = {
    ...({ kind: 'registry', key: registryKey(registry), ...result, beganAtEpochMs, unread } as const),
    ...(unread.length > 0 && unreadBecause.length > 0 && { unreadBecause }),
  };
  await ports.runs.recordPart(runId, part);
  if (unexpected?.failure) throw unexpected.failure.error;
  return { status: result.status, images, missing };
}

/**
 * Without this result each later step asks the registry itself. So a failure stops nothing here, and the later steps
 * report an account that refuses.
 */
async function readScans(ports: RegistryPorts, runId: string, registry: Registry): Promise<void> {
  try {
    await writeScansOfRun(ports, runId, registry);
  } catch (error) {
    logger.warn(
      `Patchwave could not read the scans of ${registryKey(registry)} together; later steps read the scan of each image`,
      error as Error,
    );
  }
}

type NamedReading = RepositoryReading & { readonly repository: string };

/** A refused repository is retried, because a refusal may pass. */
const doneIn = (readings: readonly NamedReading[]) =>
  Object.fromEntries(
    readings.flatMap(({ repository, failure, ...reading }) => (failure ? [] : [[repository, reading] as const])),
  );

/** Repositories of streams that others are built on; only a pattern costs a listing of the registry. */
async function listedRepositories(
  source: ImageRegistry,
  policy: Policy,
  registry: Registry,
): Promise<{ readonly repositories: ReadonlySet<string>; readonly unreachable?: RegistryUnreachableError }> {
  const rules = policy.streams.filter(
    ({ tier, account, regions }) =>
      tier !== 'application' && account === registry.account && regions.includes(registry.region),
  );
  const names = rules.flatMap(({ repositories }) => repositories);
  const patterns = names.filter((name) => name.includes('*'));
  const found = new Set(names.filter((name) => !name.includes('*')));
  if (patterns.length === 0) return { repositories: found };
  try {
    for await (const page of source.repositories(registry)) {
      for (const name of page) if (matchesAnyGlob(patterns, name)) found.add(name);
    }
    return { repositories: found };
  } catch (error) {
    if (error instanceof RegistryUnreachableError) return { repositories: found, unreachable: error };
    throw error;
  }
}

function questionsOf(
  { registry, digests, tags, outdated = {} }: RegistryDocument,
  listed: ReadonlySet<string>,
): RepositoryQuestion[] {
  const names = new Set([...listed, ...Object.keys(digests), ...Object.keys(tags), ...Object.keys(outdated)]);
  return [...names].sort().map((repository) => {
    const used = digests[repository] ?? {};
    const again = (outdated[repository] ?? []).filter((index) => !Object.hasOwn(used, index));
    return {
      location: { ...registry, repository },
      isListed: listed.has(repository),
      digests: { ...Object.fromEntries(again.map((index) => [index, []])), ...used },
      ...(again.length > 0 && { mustBeThere: new Set(again) }),
      tags: tags[repository] ?? {},
    };
  });
}

/**
 * Base and platform repositories with images that are unknown now. A pattern is named if the registry could not be
 * listed, or if too many of its repositories could not be read.
 */
function unreadOf(
  policy: Policy,
  registry: Registry,
  readings: readonly NamedReading[],
  isListUnread: boolean,
): readonly string[] {
  const notRead = readings.filter(isNotRead);
  const names = baseRepositoriesOf(policy)
    .filter(({ account, region }) => account === registry.account && region === registry.region)
    .flatMap((one) => {
      const own = notRead.map(({ repository }) => repository);
      const covered = own.filter((repository) => coversPlace(one, { ...registry, repository }));
      const isWhole = (isListUnread && one.repository.includes('*')) || covered.length > MOST_UNREAD_NAMED;
      return isWhole ? [one.repository] : covered;
    });
  return [...new Set(names)].sort();
}

const isNotRead = ({ failure, leftUnread }: RepositoryReading): boolean =>
  failure !== undefined || leftUnread !== undefined;

const MOST_REASONS = 5;

/** The first reason why repositories could not be read; a failed registry list comes first. */
const reasonsOf = (readings: readonly NamedReading[], unreachable: Error | undefined): readonly string[] =>
  [
    ...(unreachable ? [unreachable.message] : []),
    ...readings
      .filter(isNotRead)
      .map(({ repository, failure, leftUnread }) => `${repository}: ${failure?.detail ?? leftUnread}`),
  ].slice(0, MOST_REASONS);

function resultOf(readings: readonly RepositoryReading[], listing: string | undefined) {
  const detail = listing ?? readings.find(({ failure }) => failure)?.failure?.detail;
  const sum = (count: (reading: RepositoryReading) => number) =>
    readings.reduce((total, reading) => total + count(reading), 0);
  return {
    status: detail === undefined ? ('complete' as const) : ('failed' as const),
    images: sum(({ images }) => images),
    missing: sum(({ missing }) => missing),
    ...(detail !== undefined && { detail }),
  };
}
