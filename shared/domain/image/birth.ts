/**
 * The source of a birth date, strongest first. `provenance`: the end of the build as an attestation beside the image says
 * it. `layer-history`: the newest instant in the history of its own layers, used if the image has no plausible build date:
 * a tool that replaces the layers below writes the year 1. `existed-by`: another image with the same content, or an index
 * that holds the image, existed by then; the content may be much older. `pushed-again`: the image was pushed then, and
 * another image has the same content for an unknown time.
 */
export const BIRTH_EVIDENCE_KINDS = [
  'config-created',
  'annotation-created',
  'provenance',
  'layer-history',
  'first-push',
  'existed-by',
  'pushed-again',
] as const;
export type BirthEvidenceKind = (typeof BIRTH_EVIDENCE_KINDS)[number];

export interface BirthEvidence {
  readonly kind: BirthEvidenceKind;
  readonly atEpochMs: number;
}

/**
 * When an image's content was made: the earliest plausible evidence, or `unknown` if there is none for the content
 * itself.
 */
export type Birth =
  | { readonly known: true; readonly bornAtEpochMs: number; readonly evidence: readonly BirthEvidence[] }
  | { readonly known: false; readonly rejected: readonly BirthEvidence[] };

/**
 * No container image is older than the first container engine of this kind, March 2013. All the fixed instants of
 * reproducible builds are before it: 0001-01-01, 1970-01-01, 1980-01-01 and the second after each of them.
 */
const OLDEST_PLAUSIBLE_EPOCH_MS = Date.UTC(2013, 0, 1);

/**
 * The birth of an image from all evidence for its content. Never later than its first push. Added evidence never makes
 * it later: no push, copy, label or future date does. Provenance after the content was seen shows nothing.
 * @param firstPushSeenAtEpochMs the earliest push of this content seen anywhere; counts like evidence `first-push`
 */
export function determineBirth(
  evidence: readonly BirthEvidence[],
  nowEpochMs: number,
  firstPushSeenAtEpochMs?: number,
): Birth {
  const all = inOrder(
    withoutPushesAgain([
      ...evidence,
      ...(firstPushSeenAtEpochMs === undefined
        ? []
        : [{ kind: 'first-push' as const, atEpochMs: firstPushSeenAtEpochMs }]),
    ]),
  );
  const pushes = all.filter(({ kind, atEpochMs }) => kind === 'first-push' && isPlausible(atEpochMs, nowEpochMs));
  const latestEpochMs = Math.min(nowEpochMs, ...pushes.map(({ atEpochMs }) => atEpochMs));
  const bounded = all.filter(({ atEpochMs }) => isPlausible(atEpochMs, latestEpochMs));
  const plausible = bounded.filter((one) => one.kind !== 'provenance' || !isContradicted(one, bounded));
  if (!showsBirth(plausible)) return { known: false, rejected: all };
  return { known: true, bornAtEpochMs: Math.min(...plausible.map(({ atEpochMs }) => atEpochMs)), evidence: plausible };
}

/** The end of a build after an earlier sighting dates another build of the same digest, or is forged. */
const isContradicted = ({ atEpochMs }: BirthEvidence, all: readonly BirthEvidence[]): boolean =>
  all.some((other) => SEEN.has(other.kind) && other.atEpochMs < atEpochMs);

/** A push from then on is the same one, or a later one. */
function withoutPushesAgain(evidence: readonly BirthEvidence[]): readonly BirthEvidence[] {
  const again = evidence.flatMap(({ kind, atEpochMs }) => (kind === 'pushed-again' ? atEpochMs : []));
  return again.length === 0
    ? evidence
    : evidence.filter(({ kind, atEpochMs }) => kind !== 'first-push' || atEpochMs < Math.min(...again));
}

/** Existence at some instant bounds a birth, but does not date it. */
const showsBirth = (evidence: readonly BirthEvidence[]): boolean => evidence.some(({ kind }) => !EXISTED.has(kind));

const EXISTED: ReadonlySet<BirthEvidenceKind> = new Set(['existed-by', 'pushed-again']);

/** The first time at which content of unknown birth is known to have existed. `undefined` if there is none. */
export function madeBy(evidence: readonly BirthEvidence[], nowEpochMs: number): BirthEvidence | undefined {
  const [earliest] = evidence
    .filter(({ kind, atEpochMs }) => EXISTED.has(kind) && isPlausible(atEpochMs, nowEpochMs))
    .sort((one, other) => one.atEpochMs - other.atEpochMs);
  return earliest;
}

/**
 * Adds to an unknown birth that the content existed by an instant, if no earlier one is known. It gives the content no
 * birth date, but an image with the same content that comes later is not younger. A birth that only later provenance
 * dates becomes unknown.
 */
export function existedBy(birth: Birth, atEpochMs: number | undefined, nowEpochMs: number): Birth {
  if (atEpochMs === undefined || !isPlausible(atEpochMs, nowEpochMs)) return birth;
  if (birth.known) {
    if (!birth.evidence.some(({ kind }) => kind === 'provenance')) return birth;
    const seen = determineBirth([...birth.evidence, { kind: 'existed-by', atEpochMs }], nowEpochMs);
    return seen.known ? birth : seen;
  }
  if ((madeBy(birth.rejected, nowEpochMs)?.atEpochMs ?? Number.POSITIVE_INFINITY) <= atEpochMs) return birth;
  return { known: false, rejected: inOrder([...birth.rejected, { kind: 'existed-by', atEpochMs }]) };
}

/** Whether something dates the build itself. A push shows only that the image existed by then. */
export const isDated = (birth: Birth): birth is Extract<Birth, { known: true }> =>
  birth.known && birth.evidence.some(({ kind }) => kind !== 'first-push' && !EXISTED.has(kind));

/**
 * Whether the image itself says when it was built, by text that its digest covers. Other evidence can be added beside
 * it later, and its content may be older than that.
 */
export const isDatedByDigest = (birth: Birth): boolean =>
  birth.known && birth.evidence.some(({ kind }) => kind === 'config-created' || kind === 'annotation-created');

/**
 * The birth of an image without a plausible build date: its own layers were made by the newest instant in their history.
 * @param instantsEpochMs of the history entries of its own layers, plausible or not
 */
export function bornByHistory(birth: Birth, instantsEpochMs: readonly number[], nowEpochMs: number): Birth {
  if (isDated(birth)) return birth;
  const evidence = evidenceIn(birth);
  const seen = evidence.filter(({ kind, atEpochMs }) => SEEN.has(kind) && isPlausible(atEpochMs, nowEpochMs));
  const latestEpochMs = Math.min(nowEpochMs, ...seen.map(({ atEpochMs }) => atEpochMs));
  const newest = Math.max(0, ...instantsEpochMs.filter((atEpochMs) => isPlausible(atEpochMs, latestEpochMs)));
  return newest === 0 ? birth : determineBirth([...evidence, { kind: 'layer-history', atEpochMs: newest }], nowEpochMs);
}

const SEEN: ReadonlySet<BirthEvidenceKind> = new Set(['first-push', ...EXISTED]);

/** All reported birth dates, plausible or not: what the record still has. */
export const evidenceIn = (birth: Birth): readonly BirthEvidence[] => (birth.known ? birth.evidence : birth.rejected);

/**
 * Corrects a birth by the births of the ancestors: an earlier date was no build date, and the next evidence decides. A
 * push before an ancestor's birth proves that birth wrong, so it is ignored. Layers whose history dates them may be older
 * than the ancestor: it was put below them later.
 * @param belowEpochMs births of the ancestors, in any order
 */
export function bornAfter(birth: Birth, belowEpochMs: readonly number[]): Birth {
  if (!birth.known) return birth;
  const firstPush = birth.evidence.find(({ kind }) => kind === 'first-push')?.atEpochMs ?? Number.POSITIVE_INFINITY;
  const notBeforeEpochMs = belowEpochMs
    .filter((atEpochMs) => atEpochMs <= firstPush)
    .reduce((one, other) => Math.max(one, other), 0);
  const evidence = birth.evidence.filter(
    ({ kind, atEpochMs }) => kind === 'layer-history' || atEpochMs >= notBeforeEpochMs,
  );
  const isLost = showsBirth(birth.evidence) ? !showsBirth(evidence) : evidence.length === 0;
  if (isLost) return { known: false, rejected: birth.evidence };
  return { known: true, bornAtEpochMs: Math.min(...evidence.map(({ atEpochMs }) => atEpochMs)), evidence };
}

/**
 * When an image says that it was built. No push changes that, so it shows which of two images of one pipeline is older.
 * @returns `undefined` if the image does not say it, or only by an implausible date
 */
export function builtAtEpochMs(birth: Birth): number | undefined {
  const dates = birth.known ? birth.evidence.filter(({ kind }) => BUILD_DATES.has(kind)) : [];
  return dates.length > 0 ? Math.min(...dates.map(({ atEpochMs }) => atEpochMs)) : undefined;
}

const BUILD_DATES: ReadonlySet<BirthEvidenceKind> = new Set(['config-created', 'annotation-created', 'provenance']);

const isPlausible = (atEpochMs: number, latestEpochMs: number): boolean =>
  atEpochMs >= OLDEST_PLAUSIBLE_EPOCH_MS && atEpochMs <= latestEpochMs;

/** Sorted and unique, so that equal evidence gives equal bytes. */
function inOrder(evidence: readonly BirthEvidence[]): BirthEvidence[] {
  const unique = new Map(evidence.map(({ kind, atEpochMs }) => [`${kind} ${atEpochMs}`, { kind, atEpochMs }]));
  const rank = ({ kind }: BirthEvidence): number => BIRTH_EVIDENCE_KINDS.indexOf(kind);
  return [...unique.values()].sort((one, other) => rank(one) - rank(other) || one.atEpochMs - other.atEpochMs);
}
