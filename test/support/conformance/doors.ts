import type { ReviewPorts } from '../../../functions/admission-webhook/reviewed.ts';
import { admissionFactsOf } from '../../../shared/domain/admission/admission-facts.ts';
import {
  type Admission,
  type AppliedDoors,
  admit,
  digestsToRead,
  pinnedTag,
  strictest,
} from '../../../shared/domain/admission/admit.ts';
import { newlyAsked } from '../../../shared/domain/admission/asked-images.ts';
import { type DoorPlace, doorAt } from '../../../shared/domain/policy/doors.ts';
import { decideAtDoor, pinBy, readAtDoor, taggedIn } from '../../../shared/judging/decide-at-door.ts';
import { FakeRunning } from '../fakes/running.ts';
import type { ConformanceCase } from './cases.ts';
import type { Expected } from './situation.ts';

/** One place where an image may be refused. The fast and the slow tier put the same cases to all of them. */
export interface ConformanceDoor {
  readonly name: string;
  /** Whether the case can be put to it at all. Each other one is listed in not-expressed.yaml. */
  can(one: ConformanceCase): boolean;
  decide(one: ConformanceCase): Promise<Expected>;
  /** The rule that it cites for one of the decision, if it does not tell them apart. */
  rule?(cited: string | undefined, one: ConformanceCase): string | undefined;
}

/** The references that start, in their order. */
export const referencesOf = ({ review, task }: ConformanceCase): readonly (string | undefined)[] =>
  review
    ? newlyAsked(review.kind, review.operation === 'DELETE' ? undefined : review.object, review.oldObject).map(
        ({ reference }) => reference,
      )
    : (task?.containerDefinitions ?? []).map((container) => {
        const { image } = container as { readonly image?: unknown };
        return typeof image === 'string' ? image : undefined;
      });

export const expectedOf = (admission: Admission): Expected =>
  admission.decision === 'allow' ? { decision: 'allow' } : { decision: admission.decision, rule: admission.ruleId };

/** In ECS a place has no namespace. */
export function placeOf({ review, place }: Pick<ConformanceCase, 'place'> & { readonly review?: unknown }): DoorPlace {
  const { namespace, ...cluster } = place;
  return review && namespace !== undefined ? { ...cluster, namespace } : cluster;
}

/** What a door reads of the ledger, as the case describes it. */
export async function portsFor({ situation, runsElsewhere }: ConformanceCase, place: DoorPlace): Promise<ReviewPorts> {
  const { images, indexes, presences, policy, breakGlass, unread, nowEpochMs } = situation;
  const tags = tagsIn(situation);
  const runs = new FakeRunning();
  const elsewhere: DoorPlace =
    place.namespace === undefined ? { ...place, cluster: 'elsewhere' } : { ...place, namespace: 'elsewhere' };
  await runs.record([...presences].map(([digest, presence]) => ({ digest, place, presence })));
  await runs.begin(runsElsewhere.map((digest) => ({ digest, place: elsewhere })));
  return {
    images: { get: async (digests) => pick(images, digests) },
    places: {
      indexStates: async (digests) =>
        new Map([...pick(indexes, digests)].map(([digest, children]) => [digest, { children } as never])),
      holders: async (location, asked) =>
        new Map(
          asked.flatMap((tag) => {
            const reading = tags.find((one) => one.tag === tag && one.repository === location.repository);
            return reading ? [[tag, { digest: reading.digest, pushedAtEpochMs: reading.readAtEpochMs }] as const] : [];
          }),
        ),
    },
    running: runs,
    policies: {
      current: async () => {
        if (unread) throw new Error('the policy cannot be read');
        return { policy, version: 'policy-1', applied: appliedIn(situation) };
      },
    },
    lastPolicy: () => policy,
    exceptions: { breakGlassOf: async () => breakGlass },
    checks: { send: nothing },
    clock: () => nowEpochMs,
  };
}

/** What tags name, with the repository of each. */
const tagsIn = ({ tags = new Map() }: ConformanceCase['situation']) =>
  [...tags].flatMap(([text, reading]) =>
    taggedIn([text]).map(({ name, location: { repository }, tag }) => ({ name, repository, tag, ...reading })),
  );

/** The policies that were in force, as a door reads them. */
export const appliedIn = ({ policy, policySinceEpochMs }: ConformanceCase['situation']): AppliedDoors =>
  policySinceEpochMs === undefined ? [] : [{ version: 'policy-1', policy, fromEpochMs: policySinceEpochMs }];

const nothing = async (): Promise<void> => {};

const pick = <Key, Value>(all: ReadonlyMap<Key, Value>, keys: readonly Key[]): ReadonlyMap<Key, Value> =>
  new Map(keys.flatMap((key) => (all.has(key) ? [[key, all.get(key) as Value] as const] : [])));

/** The decision itself, with the facts made from the ledger of the case. */
export const admitDoor: ConformanceDoor = {
  name: 'admit',
  can: ({ situation }) => situation.subject === 'starts' && !situation.unread,
  async decide(one) {
    const { policy, breakGlass, nowEpochMs, images, indexes, presences } = one.situation;
    const references = referencesOf(one);
    const records = { images, indexes: indexes as never, presences };
    const tags = new Map(tagsIn(one.situation).map((reading) => [reading.name, reading] as const));
    const known = new Map(
      [...digestsToRead(references), ...[...tags.values()].map(({ digest }) => digest)].map((digest) => [
        digest,
        admissionFactsOf(digest, records, policy),
      ]),
    );
    const applied = appliedIn(one.situation);
    const admitting = { door: doorAt(policy, placeOf(one)), known, tags, policy, applied, breakGlass, nowEpochMs };
    return expectedOf(
      strictest(
        references.map((reference) => admit(pinnedTag(reference, admitting)?.reference ?? reference, admitting)),
      ),
    );
  },
};

/** The use case over ports, which reads what each door reads. */
export const useCaseDoor: ConformanceDoor = {
  name: 'decision',
  can: ({ situation }) => situation.subject === 'starts' && !situation.unread,
  async decide(one) {
    const [place, asked] = [placeOf(one), referencesOf(one)];
    const ports = await portsFor(one, place);
    const pinned = pinBy(await readAtDoor(ports, place, asked), place, asked, ports.clock());
    const references = asked.map((reference, index) => pinned[index]?.reference ?? reference);
    return expectedOf(strictest(await decideAtDoor(ports, place, references)));
  },
};
