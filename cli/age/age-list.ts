import { mapConcurrently } from '../../shared/concurrency.ts';
import type { Digest } from '../../shared/domain/image/image.ts';
import { repositoryName } from '../../shared/domain/image/reference.ts';
import { type AgeEntry, type AgeQuestion, ageList, birthsAsked } from '../../shared/domain/verdict/age-list.ts';
import type { ImageRecord } from '../../shared/domain/verdict/image-record.ts';
import { ancestorReader } from '../../shared/judging/waived-ancestors.ts';
import type { CliContext } from '../command.ts';
import { presentPlaces } from '../present-places.ts';

const PLACES_AT_ONCE = 16;

/** An age entry with its name. */
export interface NamedAge extends AgeEntry {
  /** Its tags with host and repository; without tags, its location. */
  readonly names: readonly string[];
  /** The ancestor that decides its age, if it is not the image itself. */
  readonly decider?: Pick<ImageRecord, 'digest' | 'tier' | 'stream'>;
}

/** Reads the coming days from the age index of the ledger, page by page and without a table scan. */
export async function readAges(
  {
    index,
    images,
    evidence,
    places,
    policies,
    clock,
  }: Pick<CliContext, 'index' | 'images' | 'evidence' | 'places' | 'policies' | 'clock'>,
  question: AgeQuestion,
): Promise<{ readonly policyVersion: string; readonly ages: readonly NamedAge[] }> {
  const { policy, version: policyVersion } = await policies.current();
  const nowEpochMs = clock();
  const ancestors = ancestorReader({ images, evidence });
  const { beforeEpochMs, sinceEpochMs } = birthsAsked(policy, question, nowEpochMs);
  const found: AgeEntry[] = [];
  for await (const page of index.bornBefore(beforeEpochMs, sinceEpochMs)) {
    const records = await images.get(page.map(({ digest }) => digest));
    const aged = await mapConcurrently([...records.values()], PLACES_AT_ONCE, async (image) => ({
      image,
      ancestors: await ancestors(image, policy, nowEpochMs),
    }));
    found.push(...ageList(aged, policy, question, nowEpochMs));
  }
  const deciders = await images.get([
    ...new Set(found.flatMap(({ digest, decidedBy }) => (decidedBy === digest ? [] : decidedBy))),
  ]);
  const ages = await mapConcurrently(found, PLACES_AT_ONCE, async (entry): Promise<NamedAge> => {
    const { digest, tier, stream } = deciders.get(entry.decidedBy) ?? {};
    const names = await namesOf(places, entry);
    if (digest === undefined || tier === undefined) return { ...entry, names };
    return { ...entry, names, decider: { digest, tier, ...(stream !== undefined && { stream }) } };
  });
  return { policyVersion, ages: ages.sort((one, other) => one.deadlineEpochMs - other.deadlineEpochMs) };
}

async function namesOf(
  places: CliContext['places'],
  { digest, places: kept }: { readonly digest: Digest; readonly places: readonly string[] },
): Promise<readonly string[]> {
  const known = await presentPlaces(places, digest);
  const names = known.flatMap(({ location, tags }) => tags.map((tag) => `${repositoryName(location)}:${tag}`));
  return names.length > 0 ? [...new Set(names)].sort() : kept;
}
