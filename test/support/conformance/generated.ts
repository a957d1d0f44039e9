import type { Presence } from '../../../shared/domain/admission/standing.ts';
import type { Digest } from '../../../shared/domain/image/image.ts';
import { doorsSchema } from '../../../shared/domain/policy/doors.ts';
import type { Policy } from '../../../shared/domain/policy/policy.ts';
import type { ScanReason, ScanStateName } from '../../../shared/domain/scan/scan.ts';
import type { EndedResult, ImageRecord } from '../../../shared/domain/verdict/image-record.ts';
import type { Reason, Verdict } from '../../../shared/domain/verdict/verdict.ts';
import { parse } from '../../../shared/schema.ts';
import { DAY_MS, digestOf, HOUR_MS, imageProperties, NOON_EPOCH_MS } from '../samples.ts';
import { bornForBreach, casesPolicy, DETAILS } from './cases.ts';
import type { AskedReference, ReadAs, Situation } from './situation.ts';

/*
 * Situations by chance: policies, references, images and instants that lie close to where a decision changes.
 */

/** Numbers from a seed, the same on every machine (mulberry32). */
function numbersFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Draws from a seed. */
class Chance {
  readonly #next: () => number;

  constructor(seed: number) {
    this.#next = numbersFrom(seed);
  }

  below(most: number): number {
    return Math.floor(this.#next() * most);
  }

  isOnce(inSoMany: number): boolean {
    return this.below(inSoMany) === 0;
  }

  one<Item>(items: readonly Item[]): Item {
    return items[this.below(items.length)] as Item;
  }

  /** At most so many. */
  several<Item>(most: number, make: () => Item): readonly Item[] {
    return Array.from({ length: this.below(most + 1) }, make);
  }
}

const ECR = '111122223333.dkr.ecr.eu-west-1.amazonaws.com';

/** References, each with how it reads; `DIGEST` stands for a digest. */
const REFERENCES: readonly (readonly [string, ReadAs['reference'], ReadAs['registry']])[] = [
  [`${ECR}/apps/web@DIGEST`, 'digest', 'approved'],
  [`${ECR}/apps/a/b/c@DIGEST`, 'digest', 'approved'],
  [`${ECR}/apps/web:v1@DIGEST`, 'digest', 'approved'],
  [`${ECR.toUpperCase()}/apps/web@DIGEST`, 'digest', 'approved'],
  ['111122223333.dkr-ecr.eu-west-1.on.aws/apps/web@DIGEST', 'digest', 'approved'],
  ['111122223333.dkr.ecr-fips.us-gov-west-1.amazonaws.com/apps/web@DIGEST', 'digest', 'approved'],
  ['registry.example.com:5000/apps/web@DIGEST', 'digest', 'approved'],
  ['redis@DIGEST', 'digest', 'approved'],
  ['docker.io/redis:7@DIGEST', 'digest', 'approved'],
  ['602401143452.dkr.ecr.eu-west-1.amazonaws.com/eks/pause@DIGEST', 'digest', 'aws'],
  ['public.ecr.aws/eks/coredns@DIGEST', 'digest', 'aws'],
  [`${ECR}/appsevil@DIGEST`, 'digest', 'other'],
  [`${ECR}:443/apps/web@DIGEST`, 'digest', 'other'],
  [`${ECR}.example/apps/web@DIGEST`, 'digest', 'other'],
  [`evil.example/${ECR}/apps/web@DIGEST`, 'digest', 'other'],
  ['999988887777.dkr.ecr.eu-west-1.amazonaws.com/apps/web@DIGEST', 'digest', 'other'],
  ['nginx@DIGEST', 'digest', 'other'],
  ['apps/web@DIGEST', 'digest', 'other'],
  ['localhost/apps/web@DIGEST', 'digest', 'other'],
  [`${ECR}/apps/web`, 'tag', 'approved'],
  [`${ECR}/apps/web:v1`, 'tag', 'approved'],
  ['redis', 'tag', 'approved'],
  ['602401143452.dkr.ecr.eu-west-1.amazonaws.com/eks/pause:3.10', 'tag', 'aws'],
  ['nginx:1', 'tag', 'other'],
  ['quay.io/a/b', 'tag', 'other'],
  ['', 'unreadable', 'other'],
  [' ', 'unreadable', 'other'],
  [`${ECR}/Apps/web@DIGEST`, 'unreadable', 'approved'],
  [`${ECR}/apps/web@DIGEST@DIGEST`, 'unreadable', 'approved'],
  [`${ECR}/apps/web@DIGEST0`, 'unreadable', 'approved'],
  [`${ECR}/apps/web@`, 'unreadable', 'approved'],
  [`${ECR}/apps/web:@DIGEST`, 'unreadable', 'approved'],
  [`${ECR}/apps/web@DIGEST\n`, 'unreadable', 'approved'],
  [`https://${ECR}/apps/web@DIGEST`, 'unreadable', 'approved'],
  [`${ECR}/apps/${'a'.repeat(300)}@DIGEST`, 'unreadable', 'approved'],
];

const DIGESTS = Array.from({ length: 12 }, (_, number) => digestOf(`generated ${number}`));

/** Every state that a scanner's answers lead to, with its reason. */
const SCANS: readonly (readonly [ScanStateName, ScanReason?])[] = [
  ...([['complete'], ['complete'], ['complete'], ['complete'], ['continuous'], ['stale'], ['requested']] as const),
  ...([
    ['requested', 'in-progress'],
    ['off', 'quota-or-scanned'],
    ['off', 'enhanced'],
    ['off', 'never-scanned'],
  ] as const),
  ...([['off', 'not-covered'], ['failed', 'scan-failed'], ['failed'], ['unsupported', 'unsupported-os']] as const),
  ...([['expired', 'expired'], ['unreachable', 'access-denied'], ['unreachable']] as const),
];

const KINDS: readonly Reason['kind'][] = [
  ...(['age', 'age', 'finding', 'finding', 'finding', 'scan', 'registry', 'source', 'user', 'tag'] as const),
  ...(['age-unknown', 'digest-guessed', 'policy'] as const),
];
const UNKNOWN: ReadonlySet<Reason['kind']> = new Set(['scan', 'age-unknown', 'digest-guessed', 'policy']);
const MAY_BE_UNKNOWN: ReadonlySet<Reason['kind']> = new Set(['source', 'user', 'tag']);
const WAIVERS = ['ended', 'today', 'later', 'removed'];

/** An instant near one at which something changes. */
const near = (chance: Chance, atEpochMs: number): number =>
  atEpochMs + chance.one([-1, 0, 1, -HOUR_MS, HOUR_MS, -DAY_MS, DAY_MS, -30 * DAY_MS]);

/**
 * @param count how many
 * @param subjects what starts, each as often
 */
export function* generatedSituations(
  seed: number,
  count: number,
  subjects: readonly Situation['subject'][],
): Generator<Situation> {
  const chance = new Chance(seed);
  for (let number = 0; number < count; number += 1) yield situationBy(chance, subjects);
}

function situationBy(chance: Chance, subjects: readonly Situation['subject'][]): Situation {
  const nowEpochMs = NOON_EPOCH_MS + chance.below(DAY_MS);
  const graceRunningDays = chance.one([0, 1, 14, 14, 14, 90]);
  const [mode, requireDigest] = [
    chance.one(['off', 'warn', 'deny', 'deny', 'deny', 'deny'] as const),
    !chance.isOnce(4),
  ];
  const pinTags = mode === 'deny' && chance.isOnce(2);
  const policy = policyBy(chance, { mode, requireDigest, graceRunningDays, pinTags, nowEpochMs });
  const asked = [askedBy(chance, policy), ...chance.several(2, () => askedBy(chance, policy))];
  const images = new Map<Digest, ImageRecord>();
  const indexes = new Map<Digest, readonly { readonly digest: Digest }[]>();
  const tags = new Map(
    asked.flatMap(({ text, reference, registry }) =>
      reference === 'tag' && registry !== 'aws' && text?.startsWith(`${ECR}/`) && !chance.isOnce(4)
        ? [
            [
              text,
              { digest: chance.one(DIGESTS), readAtEpochMs: readingBy(chance, graceRunningDays, nowEpochMs) },
            ] as const,
          ]
        : [],
    ),
  );
  for (const { digest } of [...asked, ...tags.values()]) {
    if (digest === undefined || images.has(digest) || indexes.has(digest)) continue;
    const children = chance.isOnce(4) ? chance.several(3, () => ({ digest: chance.one(DIGESTS) })) : [];
    if (children.length > 0) indexes.set(digest, children);
    for (const one of children.length > 0 ? children.map((child) => child.digest) : [digest])
      if (!chance.isOnce(12)) images.set(one, recordBy(chance, one, { graceRunningDays, policy, nowEpochMs }));
  }
  const presences = new Map(
    DIGESTS.filter(() => !chance.isOnce(3)).map((one) => [
      one,
      presenceBy(chance, { graceRunningDays, policy, nowEpochMs }),
    ]),
  );
  const expiresAtEpochMs = nowEpochMs + chance.one([-HOUR_MS, -1, 0, 1, HOUR_MS]);
  return {
    ...{ mode, requireDigest, graceRunningDays, policy, asked, images, indexes, presences, tags, nowEpochMs },
    ...(pinTags && { pinsWithinDays: TAG_READING_DAYS }),
    subject: chance.one(subjects),
    ...(chance.isOnce(6) && { breakGlass: { author: 'ada', reason: 'incident 7', expiresAtEpochMs } }),
  };
}

/** Of doors by default. */
const TAG_READING_DAYS = 30;

const readingBy = (chance: Chance, graceRunningDays: number, nowEpochMs: number): number =>
  near(chance, nowEpochMs - chance.one([1, TAG_READING_DAYS, TAG_READING_DAYS + graceRunningDays]) * DAY_MS);

interface PolicySettings {
  readonly pinTags: boolean;
  readonly mode: Situation['mode'];
  readonly requireDigest: boolean;
  readonly graceRunningDays: number;
  readonly nowEpochMs: number;
}

const DOORS = parse(doorsSchema, {});

const day = (epochMs: number): string => new Date(epochMs).toISOString().slice(0, 'YYYY-MM-DD'.length);

function policyBy(chance: Chance, { nowEpochMs, ...door }: PolicySettings): Policy {
  const { approvedRegistries, ...others } = casesPolicy;
  const lasts = { ended: -1 - chance.below(20), today: 0, later: 10 };
  return {
    ...others,
    staleScanHours: chance.one([24, 48, 48, 96]),
    ...(approvedRegistries &&
      !chance.isOnce(5) && {
        approvedRegistries: { ...approvedRegistries, id: chance.one(['approved-registries', 'ours']) },
      }),
    doors: { ...DOORS, ...door },
    waivers: Object.entries(lasts).map(([id, days]) => ({
      ...{ id, rule: 'critical', scope: {}, reason: 'accepted by chance', author: 'security' },
      ...{ created: '2026-09-01', expires: day(nowEpochMs + days * DAY_MS) },
    })),
  };
}

function askedBy(chance: Chance, { approvedRegistries }: Policy): AskedReference {
  if (chance.isOnce(60)) return { reference: 'unreadable', registry: 'other' };
  // Most have no fault, so that the images decide.
  const [pattern, reference, registry] = chance.isOnce(2)
    ? (REFERENCES[0] as (typeof REFERENCES)[number])
    : chance.one(REFERENCES);
  const digest = chance.one(DIGESTS);
  const text = pattern.replaceAll('DIGEST', digest);
  const readAs: ReadAs = { reference, registry: approvedRegistries || registry === 'aws' ? registry : 'none' };
  return { text, ...readAs, ...(reference === 'digest' && { digest }) };
}

function presenceBy(chance: Chance, { graceRunningDays, nowEpochMs }: RecordSettings): Presence {
  const standing = chance.one(['good', 'good', 'good', 'forbidden', 'undecided', 'undecided', undefined] as const);
  const graceMs = graceRunningDays * DAY_MS;
  return {
    ...(!chance.isOnce(8) && { beganAtEpochMs: near(chance, nowEpochMs - chance.one([0, 1, 2]) * graceMs) }),
    ...(chance.isOnce(4) && { endedAtEpochMs: near(chance, nowEpochMs - chance.one([0, graceMs])) }),
    ...(standing !== undefined && { standing }),
    ...(chance.isOnce(4) && { countsFromEpochMs: near(chance, nowEpochMs - chance.one([0, graceMs])) }),
  };
}

interface RecordSettings {
  readonly graceRunningDays: number;
  readonly policy: Policy;
  readonly nowEpochMs: number;
}

function recordBy(chance: Chance, digest: Digest, settings: RecordSettings): ImageRecord {
  const { policy, nowEpochMs, graceRunningDays } = settings;
  const [state, reason] = chance.one(SCANS);
  const validMs = policy.staleScanHours * HOUR_MS;
  const result = chance.one([
    ...[nowEpochMs - HOUR_MS, nowEpochMs - HOUR_MS, near(chance, nowEpochMs - validMs)],
    ...[
      near(chance, nowEpochMs - validMs - graceRunningDays * DAY_MS),
      near(chance, nowEpochMs - graceRunningDays * DAY_MS),
      undefined,
    ],
  ]);
  const reasons = chance.several(chance.one([0, 1, 3]), () => reasonBy(chance, settings));
  const nextBreachAtEpochMs = chance.one([
    undefined,
    undefined,
    near(chance, nowEpochMs),
    near(chance, nowEpochMs - graceRunningDays * DAY_MS),
  ]);
  const verdict: Verdict = {
    ...{ status: statusBy(chance, reasons), reasons, policyVersion: 'policy-1' },
    ...(nextBreachAtEpochMs !== undefined && { nextBreachAtEpochMs }),
  };
  const isWatched = state === 'continuous';
  return {
    ...imageProperties('generated', {}),
    ...(nextBreachAtEpochMs !== undefined && { birth: bornForBreach(nextBreachAtEpochMs) }),
    ...{ digest, inUse: false, isHead: false },
    scan: {
      ...{ state, coverage: ['os'] },
      ...(reason !== undefined && { reason }),
      ...(result !== undefined && { completedAtEpochMs: isWatched ? result - 40 * DAY_MS : result }),
      ...(result !== undefined && isWatched && { watchedAtEpochMs: result }),
    },
    ...(!chance.isOnce(15) && { verdict }),
    ...(chance.isOnce(2) && { lastKnown: endedBy(chance, settings) }),
    ...(chance.isOnce(2) && { lastGood: endedBy(chance, settings) }),
    ...(!chance.isOnce(8) && {
      judgedAtEpochMs: near(chance, nowEpochMs - chance.one([0, graceRunningDays]) * DAY_MS - 1),
    }),
  };
}

function endedBy(chance: Chance, { policy, nowEpochMs, graceRunningDays }: RecordSettings): EndedResult {
  const end = (): number => near(chance, nowEpochMs - chance.one([0, graceRunningDays]) * DAY_MS);
  return {
    untilEpochMs: end(),
    ...(!chance.isOnce(3) && { resultAtEpochMs: end() - policy.staleScanHours * HOUR_MS }),
  };
}

function statusBy(chance: Chance, reasons: readonly Reason[]): Verdict['status'] {
  if (chance.isOnce(40)) return chance.one(['compliant', 'violating', 'unknown']);
  if (reasons.some(({ effect }) => effect === 'violates')) return 'violating';
  return reasons.some(({ effect }) => effect === 'unknown') ? 'unknown' : 'compliant';
}

function reasonBy(chance: Chance, { nowEpochMs, graceRunningDays }: RecordSettings): Reason {
  const kind = chance.one(KINDS);
  const isUnknown = UNKNOWN.has(kind) || (MAY_BE_UNKNOWN.has(kind) && chance.isOnce(3));
  const effect = isUnknown ? 'unknown' : chance.one(['violates', 'violates', 'due', 'waived'] as const);
  const deadlineEpochMs = near(chance, nowEpochMs - chance.one([0, 0, graceRunningDays]) * DAY_MS);
  const scanReason = chance.one([undefined, undefined, 'findings-missing', 'quota-or-scanned', 'scan-failed'] as const);
  const isTimed = effect === 'violates' && (kind === 'age' || kind === 'finding');
  const waivedUntilEpochMs = isTimed && chance.isOnce(4) ? near(chance, nowEpochMs - graceRunningDays * DAY_MS) : 0;
  return {
    ...(waivedUntilEpochMs > 0 && { waivedUntilEpochMs }),
    ...(effect === 'violates' &&
      chance.isOnce(3) && { sinceEpochMs: near(chance, nowEpochMs - chance.one([0, graceRunningDays]) * DAY_MS) }),
    ...{ ruleId: chance.isOnce(2) ? 'critical' : `rule-of-${kind}`, effect, ...DETAILS[kind] },
    ...(!isUnknown && !chance.isOnce(10) && { deadlineEpochMs }),
    ...(effect === 'waived' && { waiverId: chance.one(WAIVERS) }),
    ...(kind === 'scan' && { state: chance.one(SCANS)[0], ...(scanReason !== undefined && { scanReason }) }),
  } as Reason;
}
