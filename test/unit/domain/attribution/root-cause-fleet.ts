import type { AttributedImage, AttributionInputs } from '../../../../shared/domain/attribution/stream-path.ts';
import type { AgeFact, FindingFact } from '../../../../shared/domain/cause/cause.ts';
import type { JudgedImage } from '../../../../shared/domain/cause/fact-status.ts';
import type { Digest, Platform } from '../../../../shared/domain/image/image.ts';
import type { LineageEvidence } from '../../../../shared/domain/lineage/parent.ts';
import type { Reason } from '../../../../shared/domain/verdict/verdict.ts';
import { digestOf } from '../arbitraries.ts';
import { ageFact, findingFact, looked, NO_AGE, NOT_SCANNED, reasonOf } from '../rollout/acting.ts';

/* Fleets by the names of their images, for what is said of their lineage. */

/** What an image can have. */
export type ImageFact = FindingFact | AgeFact;

export const cve: ImageFact = findingFact();
export const age = ageFact as ImageFact;

export type Has = 'nothing' | 'it' | 'due' | 'waived' | 'unknown' | 'never judged';

export interface Sketch {
  /** Absent for an image that no stream made. */
  readonly stream?: string;
  readonly on?: string;
  /** How it is known what it is built on. */
  readonly by?: LineageEvidence;
  /** Nothing, where it does not say. */
  readonly has?: Has;
  readonly platform?: Platform;
  readonly scan?: JudgedImage['scan'];
  /** Its parent could not be read. */
  readonly isUnplaced?: true;
  /** The age of the next build of its stream would be unknown. */
  readonly isNextUnread?: true;
}

export const AMD: Platform = 'linux/amd64';
export const ARM: Platform = 'linux/arm64';

function reasonsOf(fact: ImageFact, has: Has): readonly Reason[] {
  if (has === 'nothing' || has === 'never judged') return [];
  if (has === 'unknown') return fact.kind === 'age' ? [NO_AGE] : [NOT_SCANNED];
  return [reasonOf(fact, has === 'it' ? 'violates' : has)];
}

function imageOf(name: string, sketch: Sketch, fact: ImageFact): AttributedImage {
  const { stream, platform = AMD, has = 'nothing', scan, isUnplaced, isNextUnread } = sketch;
  const unplaced = { digest: digestOf(name), why: 'unsearched', repositories: [] } as const;
  const facts = {
    platform,
    ...(stream !== undefined && { stream }),
    ...(scan && { scan }),
    ...(isUnplaced && { unplaced }),
    ...(isNextUnread && { nextUnread: { digest: digestOf(name), why: 'next' as const, repositories: ['r'] } }),
  };
  if (has === 'never judged') return { digest: digestOf(name), ...facts };
  return { ...looked(name, ...reasonsOf(fact, has)), ...facts };
}

/** Of each stream the image that is its head, or one for each platform, or none. */
export type Heads = Readonly<Record<string, string | Readonly<Record<Platform, string>> | undefined>>;

export function fleetOf(
  images: Readonly<Record<string, Sketch>>,
  heads: Heads,
  fact: ImageFact = cve,
): AttributionInputs {
  const named = Object.entries(images);
  return {
    images: new Map(named.map(([name, image]) => [digestOf(name), imageOf(name, image, fact)])),
    parents: new Map(
      named.flatMap(([name, { on, by = 'layers' }]) =>
        on === undefined ? [] : [[digestOf(name), { digest: digestOf(on), evidence: by }] as const],
      ),
    ),
    streams: new Map(Object.entries(heads).map(([stream, head]) => [stream, headOf(head)])),
  };
}

function headOf(head: Heads[string]) {
  if (head === undefined) return {};
  const byPlatform = typeof head === 'string' ? { [AMD]: head } : head;
  const named = Object.entries(byPlatform).map(([platform, name]) => [platform, digestOf(name)]);
  return { head: { images: Object.fromEntries(named) as Record<Platform, Digest> } };
}

/** Digests by the names they were made of, so that a failed test can be read. */
export function byName(value: unknown, names: Iterable<string>): unknown {
  let text = JSON.stringify(value);
  for (const name of names) text = text.replaceAll(digestOf(name), name);
  return JSON.parse(text);
}
