import { admissionFactsOf } from '../../../shared/domain/admission/admission-facts.ts';
import { admit } from '../../../shared/domain/admission/admit.ts';
import { shardSet } from '../../../shared/domain/admission/allowed-images.ts';
import type { Digest } from '../../../shared/domain/image/image.ts';
import { digestOf, HOUR_MS } from '../samples.ts';
import type { ConformanceCase } from './cases.ts';
import { appliedIn } from './doors.ts';

const LETTERS_BEFORE = 'sha256:'.length;

/** What the lists say of one digest. */
interface ListedImage {
  readonly digest: Digest;
  /** Present if it may start only where it runs: the rule that it violates. */
  readonly runningRule?: string;
}

/** The images of a case that may start, by the decision itself: a publisher would list them. */
function listedImages({ situation }: ConformanceCase): readonly ListedImage[] {
  const { images, indexes, presences, policy, nowEpochMs } = situation;
  const records = { images, indexes: indexes as never, presences };
  const { approvedRegistries: _, ...anywhere } = policy;
  const door = {
    mode: 'deny',
    requireDigest: true,
    onUnreachable: 'refuse',
    graceRunningDays: situation.graceRunningDays,
  } as const;
  return [...images.keys(), ...indexes.keys()].flatMap((digest): ListedImage[] => {
    const known = new Map([[digest, admissionFactsOf(digest, records, policy)]]);
    const admission = admit(`any@${digest}`, {
      door,
      known,
      policy: anywhere,
      applied: appliedIn(situation),
      nowEpochMs,
    });
    if (admission.decision === 'deny') return [];
    return [{ digest, ...(admission.decision === 'warn' && { runningRule: admission.ruleId }) }];
  });
}

const digits = (digest: Digest): string => digest.slice(LETTERS_BEFORE);

/** The lists by name. @param notAfterEpochMs until when they count; what runs may start an hour longer */
function listsOf(
  listed: readonly (ListedImage & { readonly namespace: string | undefined })[],
  notAfterEpochMs: number,
): Readonly<Record<string, object>> {
  const [notAfter, until] = [0, HOUR_MS].map((later) => new Date(notAfterEpochMs + later).toISOString());
  return Object.fromEntries(
    shardSet(16).map(({ name, prefix }) => {
      const here = listed.filter(({ digest }) => digits(digest).startsWith(prefix));
      const digests = here.flatMap(({ digest, runningRule }) =>
        runningRule === undefined ? [[digits(digest), ''] as const] : [],
      );
      const running = here.flatMap(({ digest, runningRule: rule, namespace }) =>
        rule === undefined ? [] : [[digits(digest), { namespaces: [namespace], until, rule }] as const],
      );
      const spec = { notAfter, digests: Object.fromEntries(digests), running: Object.fromEntries(running) };
      return [name, { apiVersion: 'patchwave.dev/v1', kind: 'AllowedImages', metadata: { name }, spec }];
    }),
  );
}

/** The lists of allowed images that a publisher would keep for the cluster of a case, by name. */
export const allowedLists = (one: ConformanceCase): Readonly<Record<string, object>> =>
  listsOf(
    listedImages(one).map((image) => ({ ...image, namespace: one.place.namespace })),
    one.situation.nowEpochMs + HOUR_MS,
  );

/** A digest of the case alone: all cases give the same names to their images. */
export const ownDigest = ({ id }: ConformanceCase, digest: string): Digest => digestOf(`${id} ${digest}`);

/** One set of lists for many cases, each with digests of its own (`ownDigest`). */
export const commonLists = (
  cases: readonly ConformanceCase[],
  notAfterEpochMs: number,
): Readonly<Record<string, object>> =>
  listsOf(
    cases.flatMap((one) =>
      listedImages(one).map((image) => ({
        ...image,
        ...{ digest: ownDigest(one, image.digest), namespace: one.place.namespace },
      })),
    ),
    notAfterEpochMs,
  );
