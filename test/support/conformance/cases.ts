import { readdirSync, readFileSync } from 'node:fs';
import { parse as parseYaml } from 'yaml';
import type { BreakGlass } from '../../../shared/domain/admission/admit.ts';
import { type Presence, STANDINGS } from '../../../shared/domain/admission/standing.ts';
import { type Digest, isDigest, TIERS } from '../../../shared/domain/image/image.ts';
import { DOOR_MODES, type DoorPlace, doorsSchema, ON_UNREACHABLE } from '../../../shared/domain/policy/doors.ts';
import type { Policy } from '../../../shared/domain/policy/policy.ts';
import { parsePolicy } from '../../../shared/domain/policy/policy-document.ts';
import { SCAN_STATES, type ScanReason } from '../../../shared/domain/scan/scan.ts';
import { SCAN_REASONS } from '../../../shared/domain/scan/scan-reasons.ts';
import type { ImageRecord } from '../../../shared/domain/verdict/image-record.ts';
import type { Reason } from '../../../shared/domain/verdict/verdict.ts';
import * as v from '../../../shared/schema.ts';
import { parse } from '../../../shared/schema.ts';
import { DAY_MS, digestOf, HOUR_MS, imageProperties } from '../samples.ts';
import type { AskedReference, Expected, ReadAs, Situation } from './situation.ts';

/*
 * The conformance cases in enforcement/cases. `{name}` in a text stands for the digest sha256:<SHA-256 of the name>.
 */

const ROOT = new URL('../../../enforcement/cases/', import.meta.url);

/** An instant from the instant of the case: `now`, `3 days ago`, `in 2 hours`. */
const when = v.pipe(
  v.string(),
  v.regex(
    /^(?:now|in \d+ (?:day|hour|second)s?|\d+ (?:day|hour|second)s? ago)$/,
    'must be such as: now, 3 days ago, in 2 hours',
  ),
);
const name = v.pipe(v.string(), v.regex(/^[a-z0-9-]+$/, 'must be a name in lower case'));

const reason = v.strictObject({
  kind: v.picklist([
    ...([
      'age',
      'finding',
      'scan',
      'registry',
      'source',
      'user',
      'tag',
      'age-unknown',
      'digest-guessed',
      'policy',
    ] as const),
  ]),
  /** The id in the policy, if it is not the one of the case's policy. */
  rule: v.optional(v.text()),
  /** It violates since then. */
  since: v.optional(when),
  /** The policies in force have objected so since then. */
  from: v.optional(when),
  /** It will violate then. */
  due: v.optional(when),
  /** The waiver that covers it. */
  waiver: v.optional(v.text()),
  /** A waiver of an ancestor covered it until then, as the verdict says. */
  waivedUntil: v.optional(when),
  /** It is unknown whether it violates. */
  unknown: v.optional(v.boolean(), false),
  state: v.optional(v.picklist(SCAN_STATES)),
  scanReason: v.optional(v.picklist(Object.keys(SCAN_REASONS) as ScanReason[])),
});

/** What the ledger knows of a digest. Without a field: a good image, judged and scanned an hour ago. */
const known = v.strictObject({
  tier: v.optional(v.picklist(TIERS), 'application'),
  owner: v.optional(v.text()),
  /** Of an index: the names of its images. It has no other field but `recorded`. */
  images: v.optional(v.array(name)),
  /** Of an index: a review recorded it as an image before it knew its images. */
  recorded: v.optional(v.boolean(), false),
  platform: v.optional(v.text()),
  /** `none`: it was never judged · `outdated`: its facts changed after the verdict. */
  verdict: v.optional(v.picklist(['none', 'outdated', 'current']), 'current'),
  /** If it does not follow from the reasons. */
  status: v.optional(v.picklist(['compliant', 'violating', 'unknown'])),
  reasons: v.optional(v.array(reason), []),
  nextBreach: v.optional(when),
  /** When the last verdict without a doubt, and without an objection, ended. */
  lastKnown: v.optional(when),
  lastGood: v.optional(when),
  scan: v.optional(
    v.strictObject({
      state: v.optional(v.picklist(SCAN_STATES), 'complete'),
      reason: v.optional(v.picklist(Object.keys(SCAN_REASONS) as ScanReason[])),
      /** When it ended; `never`: there is no result. */
      at: v.optional(v.union([when, v.literal('never')]), '1 hour ago'),
    }),
    {},
  ),
});

const readAs = v.strictObject({
  reference: v.optional(v.picklist(['unreadable', 'tag', 'digest']), 'digest'),
  registry: v.optional(v.picklist(['none', 'approved', 'aws', 'other']), 'approved'),
});

/** What an API server asks. https://kubernetes.io/docs/reference/config-api/apiserver-admission.v1/ */
const review = v.strictObject({
  kind: v.text(),
  operation: v.optional(v.picklist(['CREATE', 'UPDATE', 'DELETE', 'CONNECT']), 'CREATE'),
  subresource: v.optional(v.text()),
  user: v.optional(v.strictObject({ username: v.text(), groups: v.array(v.text()) })),
  dryRun: v.optional(v.boolean(), false),
  object: v.unknown(),
  oldObject: v.optional(v.unknown()),
});

const conformanceCase = v.strictObject({
  id: name,
  title: v.text(),
  /** The images of the containers of a new pod, or of a new task: the same answer is due at the doors of both. */
  images: v.optional(v.array(v.string())),
  /** Instead: what an API server asks. */
  review: v.optional(review),
  /** Instead: a task definition of ECS. */
  task: v.optional(v.looseObject({ containerDefinitions: v.array(v.unknown()) })),
  /** With `review` and `task`: the references that start, in their order; `null` is a missing one. */
  asks: v.optional(v.array(v.nullish(v.string()))),
  /** What starts: `starts` a pod or task · `template` a workload, whose pods start later · `static` a node's own pod · `namespace` nothing. */
  subject: v.optional(v.picklist(['starts', 'template', 'static', 'namespace']), 'starts'),
  /** With the subject `namespace`: how the annotation changes that opens it. */
  exception: v.optional(
    v.strictObject({
      change: v.picklist(['set', 'kept', 'removed']),
      permitted: v.boolean(),
      value: v.picklist(['none', 'valid', 'malformed', 'passed', 'too-far']),
    }),
  ),
  /** By reference: how it reads. Without it a reference must have the plain form of an approved registry. */
  readAs: v.optional(v.record(v.string(), readAs), {}),
  place: v.optional(
    v.strictObject({
      account: v.optional(v.text()),
      region: v.optional(v.text()),
      cluster: v.optional(v.text()),
      namespace: v.optional(v.text()),
    }),
    {},
  ),
  knows: v.optional(v.record(v.string(), known), {}),
  /** So many good images that the ledger knows besides, `filler-1` and so on. */
  fill: v.optional(v.integer(), 0),
  /** What runs in the place, in good standing. */
  running: v.optional(v.array(name), []),
  /** What else runs there, or ran there. */
  presences: v.optional(
    v.record(
      v.string(),
      v.strictObject({
        began: v.optional(when, '20 days ago'),
        ended: v.optional(when),
        /** Absent: an earlier version of Patchwave recorded it. */
        standing: v.optional(v.picklist(STANDINGS)),
        /** When the place was read first, if nothing says how it began. */
        countsFrom: v.optional(when),
      }),
    ),
    {},
  ),
  /** What runs in another namespace of the cluster, or in another ECS cluster. */
  runsElsewhere: v.optional(v.array(name), []),
  /** By reference with a tag: the image that the tag names, and when Patchwave last read that. */
  tags: v.optional(v.record(v.string(), v.strictObject({ image: name, read: v.optional(when, '1 hour ago') })), {}),
  /** Policy and ledger cannot be read now; the policy was read before. */
  unread: v.optional(v.boolean(), false),
  /** `doors` of the policy. */
  doors: v.optional(v.unknown()),
  /** With `doors`: what they say for the place. */
  applies: v.optional(
    v.strictObject({
      mode: v.picklist(DOOR_MODES),
      requireDigest: v.optional(v.boolean(), true),
      onUnreachable: v.optional(v.picklist(ON_UNREACHABLE), 'refuse'),
      /** The digests of tags are written, if they were read within so many days. */
      pinsWithinDays: v.optional(v.integer()),
    }),
  ),
  /** The policy has no list of approved registries. */
  anyRegistry: v.optional(v.boolean(), false),
  /** The policy is in force since then, and none was before it. */
  policySince: v.optional(when),
  /** Waivers of the policy by id: the last day of each. */
  waivers: v.optional(v.record(v.string(), v.isoDate()), {}),
  breakGlass: v.optional(v.strictObject({ author: v.text(), reason: v.text(), expires: when })),
  at: v.optional(v.isoInstant(), '2026-11-24T03:00:00Z'),
  expect: v.strictObject({ decision: v.picklist(['allow', 'warn', 'deny']), rule: v.optional(v.text()) }),
});

type WrittenCase = v.InferOutput<typeof conformanceCase>;
type KnownImage = v.InferOutput<typeof known>;
type Review = v.InferOutput<typeof review>;

/** What is asked of the doors, with the digests in the place of their names. */
export interface ConformanceCase {
  readonly id: string;
  readonly title: string;
  /** The file, without its ending. */
  readonly subject: string;
  /** Present if a Kubernetes door can be asked. */
  readonly review?: Review;
  /** Present if an ECS door can be asked. */
  readonly task?: { readonly containerDefinitions: readonly unknown[] };
  /** In Kubernetes; in ECS without the namespace. */
  readonly place: DoorPlace;
  readonly runsElsewhere: readonly Digest[];
  /** With the doors and waivers of the case. */
  readonly situation: Situation;
  readonly expect: Expected;
}

const named = (text: string): string => text.replaceAll(/\{([a-z0-9-]+)\}/g, (_, one: string) => digestOf(one));

const withDigests = <Value>(value: Value): Value => JSON.parse(named(JSON.stringify(value)));

const policyText = readFileSync(new URL('policy.yaml', ROOT), 'utf8');

/** The policy of every case, as a person wrote it. */
export const casesPolicyFile = new URL('policy.yaml', ROOT);
export const casesPolicy: Policy = parsePolicy(policyText);

const OTHERS = new Set(['policy.yaml', 'not-expressed.yaml']);

/**
 * The cases of every file, in the order of the files' names.
 * @throws SchemaError naming each place that is wrong
 */
export function conformanceCases(): readonly ConformanceCase[] {
  const files = readdirSync(ROOT).filter((file) => file.endsWith('.yaml') && !OTHERS.has(file));
  return files.sort().flatMap((file) => {
    const document: unknown = parseYaml(readFileSync(new URL(file, ROOT), 'utf8'));
    return parse(v.array(conformanceCase), document, `enforcement/cases/${file}`).map((one) =>
      read(one, file.slice(0, -'.yaml'.length)),
    );
  });
}

function read(written: WrittenCase, subject: string): ConformanceCase {
  const { id, title, expect, runsElsewhere } = written;
  const nowEpochMs = Date.parse(written.at);
  const place = { account: '444455556666', region: 'eu-west-1', cluster: 'prod', namespace: 'shop', ...written.place };
  return {
    ...{ id, title, subject, place: place as DoorPlace },
    ...asked(written),
    runsElsewhere: runsElsewhere.map(digestOf),
    expect: expect as Expected,
    situation: situationOf(written, nowEpochMs),
  };
}

/** How the case is put to each kind of door. */
function asked({ id, images, review: asks, task }: WrittenCase): Pick<ConformanceCase, 'review' | 'task'> {
  if ([images, asks, task].filter((one) => one !== undefined).length !== 1)
    throw new Error(`The case ${id} must have one of images, review and task.`);
  if (asks) return { review: withDigests(asks) };
  if (task) return { task: withDigests(task) };
  const containers = withDigests((images ?? []).map((image, number) => ({ name: `c${number}`, image })));
  const object = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'web', namespace: 'shop' }, spec: { containers } };
  return {
    review: { kind: 'Pod', operation: 'CREATE', dryRun: false, object },
    task: { containerDefinitions: containers },
  };
}

function situationOf(written: WrittenCase, nowEpochMs: number): Situation {
  const { id, images, asks, subject, doors, applies, fill, running, presences, breakGlass, waivers, anyRegistry } =
    written;
  const { pinsWithinDays } = applies ?? {};
  if ((doors === undefined) !== (applies === undefined))
    throw new Error(`The case ${id} must have doors and applies together.`);
  const section = doors === undefined ? casesPolicy.doors : parse(doorsSchema, doors, `doors of the case ${id}`);
  const { approvedRegistries, ...others } = casesPolicy;
  const names = [...Object.entries(written.knows), ...fillers(fill)];
  return {
    ...{ mode: applies?.mode ?? 'deny', requireDigest: applies?.requireDigest ?? true, subject, nowEpochMs },
    ...(pinsWithinDays !== undefined && { pinsWithinDays }),
    ...(written.unread && { unread: applies?.onUnreachable ?? 'refuse' }),
    tags: new Map(
      Object.entries(written.tags).map(([text, { image, read: readAt }]) => [
        text,
        { digest: digestOf(image), readAtEpochMs: instantOf(readAt, nowEpochMs) },
      ]),
    ),
    graceRunningDays: section?.graceRunningDays ?? 0,
    asked: (images ?? asks ?? []).map((text) => askedAs(text, written)),
    policy: {
      ...others,
      ...(!anyRegistry && approvedRegistries && { approvedRegistries }),
      ...(section && { doors: section }),
      waivers: Object.entries(waivers).map(([waiver, expires]) => waiverNamed(waiver, expires)),
    },
    images: new Map(
      names.flatMap(([one, is]) =>
        is.images && !is.recorded ? [] : [[digestOf(one), recordOf(one, is, nowEpochMs)] as const],
      ),
    ),
    indexes: new Map(
      names.flatMap(([one, is]) =>
        is.images ? [[digestOf(one), is.images.map((image) => ({ digest: digestOf(image) }))] as const] : [],
      ),
    ),
    presences: new Map<Digest, Presence>([
      ...running.map((one) => [digestOf(one), { beganAtEpochMs: nowEpochMs - 20 * DAY_MS, standing: 'good' }] as const),
      ...Object.entries(presences).map(([one, said]) => [digestOf(one), presenceOf(said, nowEpochMs)] as const),
    ]),
    ...(written.policySince !== undefined && { policySinceEpochMs: instantOf(written.policySince, nowEpochMs) }),
    ...(written.exception && { exception: written.exception }),
    ...(breakGlass && { breakGlass: breakGlassOf(breakGlass, nowEpochMs) }),
  };
}

function presenceOf(
  { began, ended, standing, countsFrom }: WrittenCase['presences'][string],
  nowEpochMs: number,
): Presence {
  return {
    beganAtEpochMs: instantOf(began, nowEpochMs),
    ...(ended !== undefined && { endedAtEpochMs: instantOf(ended, nowEpochMs) }),
    ...(standing !== undefined && { standing }),
    ...(countsFrom !== undefined && { countsFromEpochMs: instantOf(countsFrom, nowEpochMs) }),
  };
}

const fillers = (count: number): readonly (readonly [string, KnownImage])[] => {
  const good = parse(known, {});
  return Array.from({ length: count }, (_, number) => [`filler-${number + 1}`, good] as const);
};

const PLAIN = /^111122223333\.dkr\.ecr\.eu-west-1\.amazonaws\.com\/apps\/[a-z0-9-]+(?::[\w.-]+)?(@.*)?$/;

/** Only the plain form is read here; of every other one the case says how it reads. */
function askedAs(text: string | null | undefined, { id, readAs: stated, anyRegistry }: WrittenCase): AskedReference {
  if (text === null || text === undefined) return { reference: 'unreadable', registry: 'none' };
  const written = named(text);
  const said = stated[text] ?? plainly(written);
  if (!said) throw new Error(`The case ${id} must say with readAs how ${text} reads.`);
  const digest = written.slice(written.lastIndexOf('@') + 1);
  const registry = anyRegistry && said.registry !== 'aws' ? 'none' : said.registry;
  if (said.reference !== 'digest') return { text: written, ...said, registry } as AskedReference;
  if (!isDigest(digest)) throw new Error(`The case ${id} says that ${text} names a digest, and it does not.`);
  return { ...{ text: written, digest }, ...said, registry } as AskedReference;
}

function plainly(text: string): ReadAs | undefined {
  const match = PLAIN.exec(text);
  if (!match) return undefined;
  const [, digest] = match;
  return { registry: 'approved', reference: digest === undefined ? 'tag' : 'digest' };
}

const UNITS: Readonly<Record<string, number>> = { day: DAY_MS, hour: HOUR_MS, second: 1000 };

function instantOf(text: string, nowEpochMs: number): number {
  const [, future, amount = '0', unit = ''] = /^(in )?(\d+) (day|hour|second)/.exec(text) ?? [];
  const span = Number(amount) * (UNITS[unit] ?? 0);
  return nowEpochMs + (future === undefined ? -span : span);
}

const breakGlassOf = (
  { expires, ...said }: NonNullable<WrittenCase['breakGlass']>,
  nowEpochMs: number,
): BreakGlass => ({ ...said, expiresAtEpochMs: instantOf(expires, nowEpochMs) });

const waiverNamed = (id: string, expires: string): Policy['waivers'][number] => ({
  ...{ id, rule: 'critical', scope: {}, reason: 'accepted for the case', author: 'security' },
  ...{ created: '2026-09-01', expires },
});

function recordOf(one: string, { tier, owner, platform, scan, ...said }: KnownImage, nowEpochMs: number): ImageRecord {
  const at = (text: string) => instantOf(text, nowEpochMs);
  const reasons = said.reasons.map((each) => reasonOf(each, at));
  const decided = reasons.some(({ effect }) => effect === 'violates')
    ? 'violating'
    : reasons.some(({ effect }) => effect === 'unknown')
      ? 'unknown'
      : 'compliant';
  return {
    ...imageProperties(one, { tier, ...(owner !== undefined && { owner }) }),
    ...(said.nextBreach !== undefined && { birth: bornForBreach(at(said.nextBreach)) }),
    ...(platform !== undefined && { platform: platform as ImageRecord['platform'] & string }),
    ...{ inUse: false, isHead: false },
    scan: {
      ...{ state: scan.state, coverage: ['os'] },
      ...(scan.reason !== undefined && { reason: scan.reason }),
      ...(scan.at !== 'never' && { completedAtEpochMs: at(scan.at) }),
    },
    ...(said.verdict !== 'none' && {
      verdict: {
        ...{ status: said.status ?? decided, reasons, policyVersion: 'policy-1' },
        ...(said.nextBreach !== undefined && { nextBreachAtEpochMs: at(said.nextBreach) }),
      },
    }),
    ...(said.lastKnown !== undefined && { lastKnown: { untilEpochMs: at(said.lastKnown) } }),
    ...(said.lastGood !== undefined && { lastGood: { untilEpochMs: at(said.lastGood) } }),
    ...(said.verdict === 'current' && { judgedAtEpochMs: at('1 hour ago') }),
  } as ImageRecord;
}

/** The birth of an image whose age comes to the limit of the cases' policy then. */
export const bornForBreach = (breachAtEpochMs: number): ImageRecord['birth'] => ({
  ...{ known: true, bornAtEpochMs: breachAtEpochMs - casesPolicy.ages.default.limitDays * DAY_MS, evidence: [] },
});

const UNKNOWN = new Set(['scan', 'age-unknown', 'digest-guessed', 'policy']);

function reasonOf(said: v.InferOutput<typeof reason>, at: (text: string) => number): Reason {
  const deadline = said.since ?? said.due;
  const effect =
    said.waiver !== undefined
      ? 'waived'
      : said.due !== undefined
        ? 'due'
        : said.unknown || UNKNOWN.has(said.kind)
          ? 'unknown'
          : 'violates';
  return {
    ...{ effect, ruleId: said.rule ?? RULES[said.kind], ...DETAILS[said.kind] },
    ...(deadline !== undefined && { deadlineEpochMs: at(deadline) }),
    ...(said.waiver !== undefined && { waiverId: said.waiver }),
    ...(said.waivedUntil !== undefined && { waivedUntilEpochMs: at(said.waivedUntil) }),
    ...(said.from !== undefined && { sinceEpochMs: at(said.from) }),
    ...(said.kind === 'scan' && { state: said.state ?? 'stale' }),
    ...(said.scanReason !== undefined && { scanReason: said.scanReason }),
  } as Reason;
}

const RULES: Readonly<Record<Reason['kind'], string>> = {
  ...{ age: 'age-limit', finding: 'critical', scan: 'scan-required', registry: 'approved-registries' },
  ...{ source: 'source-known', user: 'non-root', tag: 'tags', 'age-unknown': 'age-known' },
  ...{ 'digest-guessed': 'digest-known', policy: 'policy-readable', system: 'system-supported' },
};

/** The fields of a reason that no decision depends on. */
export const DETAILS: Readonly<Record<Reason['kind'], object>> = {
  age: { kind: 'age', bornAtEpochMs: 0, limitDays: 30 },
  finding: {
    ...{ kind: 'finding', vulnerability: 'CVE-2026-00001', package: 'libexample', version: '3.0.1-1' },
    ...{ severity: 'critical', fix: 'yes', firstSeenAtEpochMs: 0 },
  },
  scan: { kind: 'scan' },
  registry: { kind: 'registry', registry: 'docker.io/library/nginx' },
  source: { kind: 'source', label: 'source', problem: 'missing' },
  user: { kind: 'user', user: 'root' },
  tag: { kind: 'tag', tag: 'latest', problem: { kind: 'no-commit' } },
  'age-unknown': { kind: 'age-unknown' },
  'digest-guessed': { kind: 'digest-guessed', workload: 'shop/web', scopes: 1 },
  policy: { kind: 'policy' },
  system: { kind: 'system', system: { id: 'alpine', version: '3.19.1' }, isRule: true },
};
