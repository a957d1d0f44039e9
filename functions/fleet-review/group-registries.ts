import { mapConcurrently } from '../../shared/concurrency.ts';
import { byKey } from '../../shared/domain/common/compare-texts.ts';
import { type Digest, type Registry, registryKey } from '../../shared/domain/image/image.ts';
import { parseImageReference, readImageReference, resolvedTag } from '../../shared/domain/image/reference.ts';
import type { Observation, Pull } from '../../shared/domain/image/usage.ts';
import { mayJudge } from '../../shared/domain/policy/doors.ts';
import type { Policy } from '../../shared/domain/policy/policy.ts';
import type { Scope } from '../../shared/domain/review/run.ts';
import { classify } from '../../shared/domain/stream/tier.ts';
import type { PlaceLedger, RecordedIndexes, RunLedger } from '../../shared/ports/ledger.ts';
import type { Policies } from '../../shared/ports/policies.ts';
import type { RunFiles } from '../../shared/ports/run-files.ts';
import {
  observationsCompleteDocument,
  observationsDocument,
  type RegistryDocument,
  runFileKeys,
  scopesDocument,
} from '../../shared/review/documents.ts';
import { listedClusters } from '../../shared/review/listed-clusters.ts';
import { policyOfRun } from '../../shared/review/policy-in-force.ts';
import { readDocument, readDocumentIfAny } from '../../shared/review/read-document.ts';
import type { ReviewActionInput } from './input.ts';

const WRITES_AT_ONCE = 8;
const READS_AT_ONCE = 16;

export interface GroupPorts {
  readonly policies: Policies;
  readonly runs: Pick<RunLedger, 'recordPart'>;
  readonly files: RunFiles;
  readonly recordedIndexes: Pick<RecordedIndexes, 'outdated'>;
  readonly placeReads: Pick<PlaceLedger, 'locations'>;
}

/**
 * Turns observations by scope into requests by registry: the digests of each repository with their tags, and the tags
 * without a known digest. Registries with base or platform streams are always included, those of AWS never. One part of
 * the observations is in memory at a time, and each digest once.
 */
export async function groupRegistries(ports: GroupPorts, step: ReviewActionInput<'group-registries'>) {
  const { files } = ports;
  const { runId } = step;
  const keys = runFileKeys(runId);
  const { policy } = await policyOfRun(ports, step);
  const registries = new Map<string, RegistryQuestions>();
  for (const registry of streamRegistries(policy)) questionsOf(registries, registry);
  for await (const observation of observationsOf(files, runId)) {
    const { location, reference } = observation;
    if (
      location &&
      classify(policy, { location, ...(reference !== undefined && { reference }) }).tier !== 'aws-managed'
    ) {
      const questions = questionsOf(registries, location);
      ask(questions, location.repository, observation);
      if (mayJudge(policy, observation)) askNamed(questions, location.repository, observation);
    }
  }
  await askForOutdated(ports, registries);
  const sorted = [...registries].sort(byKey).map(([, questions]) => questions);
  await mapConcurrently(sorted, WRITES_AT_ONCE, (questions) =>
    files.put(keys.registry(questions.registry), documentOf(questions)),
  );
  await files.put(
    keys.registries,
    sorted.map(({ registry }) => ({ registry })),
  );
  return { key: keys.registries, count: sorted.length };
}

/**
 * An index that version 0.2.0 recorded may hide an image from a door, also where nothing runs it now. Only registries that are read
 * anyway are asked.
 */
async function askForOutdated(
  { recordedIndexes, placeReads }: GroupPorts,
  registries: ReadonlyMap<string, RegistryQuestions>,
): Promise<void> {
  for await (const page of recordedIndexes.outdated())
    await mapConcurrently(page, READS_AT_ONCE, async (digest) => {
      for (const { location } of await placeReads.locations(digest)) {
        const questions = registries.get(registryKey(location));
        if (questions) inMap(questions.outdated, location.repository, () => new Set<Digest>()).add(digest);
      }
    });
}

async function* observationsOf(files: RunFiles, runId: string): AsyncIterable<Observation> {
  const keys = runFileKeys(runId);
  const scopes: Scope[] = (await readDocument(files, keys.scopes, scopesDocument)).map(({ scope }) => scope);
  // The loop also visits the clusters that it finds.
  for (const scope of scopes) {
    const complete = await readDocumentIfAny(files, keys.observationsComplete(scope), observationsCompleteDocument);
    scopes.push(...((await listedClusters(files, runId, scope, complete)) ?? []));
    if (!complete) continue;
    for (let piece = 1; piece <= complete.pieces; piece += 1) {
      yield* await readDocument(files, keys.observations(scope, complete, piece), observationsDocument);
    }
  }
}

function streamRegistries(policy: Policy): readonly Registry[] {
  const rules = policy.streams.filter(({ tier }) => tier !== 'application');
  return rules.flatMap(({ account, regions }) => regions.map((region) => ({ account, region })));
}

interface RegistryQuestions {
  readonly registry: Registry;
  /** repository -> digest -> tags by which it ran */
  readonly digests: Map<string, Map<string, Set<string>>>;
  /** repository -> tag -> distinct pulls of it */
  readonly tags: Map<string, Map<string, Map<string, Pull>>>;
  /** repository -> indexes that must be read again */
  readonly outdated: Map<string, Set<Digest>>;
}

function questionsOf(registries: Map<string, RegistryQuestions>, { account, region }: Registry): RegistryQuestions {
  const registry = { account, region };
  return inMap(registries, registryKey(registry), () => ({
    ...{ registry, digests: new Map(), tags: new Map(), outdated: new Map() },
  }));
}

function ask(
  questions: RegistryQuestions,
  repository: string,
  { digest, reference, pull = UNKNOWN_PULL }: Observation,
): void {
  const named = reference === undefined ? undefined : parseImageReference(reference);
  if (digest) {
    const digests = inMap(questions.digests, repository, () => new Map<string, Set<string>>());
    const tags = inMap(digests, digest, () => new Set<string>());
    const tag = named && resolvedTag(named);
    if (tag !== undefined) tags.add(tag);
  } else if (named?.tag !== undefined) {
    const tags = inMap(questions.tags, repository, () => new Map<string, Map<string, Pull>>());
    const pulls = inMap(tags, named.tag, () => new Map<string, Pull>());
    pulls.set(pullKey(pull), pull);
  }
}

/** A workload may name an index of which the runtime reports one image: a door asks for all of them. */
function askNamed(questions: RegistryQuestions, repository: string, { digest, reference }: Observation): void {
  const named = readImageReference(reference)?.digest;
  if (digest === undefined || named === undefined || named === digest) return;
  inMap(
    inMap(questions.digests, repository, () => new Map<string, Set<string>>()),
    named,
    () => new Set<string>(),
  );
}

function inMap<Key, Value>(map: Map<Key, Value>, key: Key, make: () => Value): Value {
  const value = map.get(key) ?? make();
  map.set(key, value);
  return value;
}

/** The pull time is unknown: no history reaches it. */
const UNKNOWN_PULL: Pull = { endedAtEpochMs: 0 };

const pullKey = ({ beganAtEpochMs = 0, endedAtEpochMs }: Pull): string => `${endedAtEpochMs} ${beganAtEpochMs}`;

const pullsInOrder = (pulls: ReadonlyMap<string, Pull>): Pull[] =>
  [...pulls.values()].sort(
    (one, other) =>
      one.endedAtEpochMs - other.endedAtEpochMs || (one.beganAtEpochMs ?? 0) - (other.beganAtEpochMs ?? 0),
  );

const sortedList = (values: Iterable<string>): string[] => [...values].sort();

const sortedRecord = <Value, Result>(map: ReadonlyMap<string, Value>, of: (value: Value) => Result) =>
  Object.fromEntries([...map].sort(byKey).map(([key, value]) => [key, of(value)] as const));

const documentOf = ({ registry, digests, tags, outdated }: RegistryQuestions): RegistryDocument => ({
  registry,
  digests: sortedRecord(digests, (byDigest) => sortedRecord(byDigest, sortedList)),
  tags: sortedRecord(tags, (byTag) => sortedRecord(byTag, pullsInOrder)),
  ...(outdated.size > 0 && {
    outdated: sortedRecord(outdated, (indexes) => [...indexes].sort()),
  }),
});
