import * as v from '../../schema.ts';
import { BUILT_TIERS, STREAM_TIERS, TIERS } from '../image/image.ts';
import { SCOPE_READABLE } from './built-in-rules.ts';
import { doorsSchema } from './doors.ts';
import { DEFAULT_RUNNER, DIGEST_VARIABLE, RUNNER_KINDS } from './pipeline.ts';
import { account, days, glob, id, region, SEVERITIES, some } from './policy-parts.ts';
import { ROLLOUT_MODES } from './rollout-mode.ts';
import { DEFAULT_TAG_SCHEMES, TAG_SCHEMES } from './tag-scheme.ts';

const positive = (most: number) => v.pipe(v.number(), v.gtValue(0), v.maxValue(most));
const count = (most: number) => v.pipe(v.integer(), v.minValue(1), v.maxValue(most));

/**
 * A pipeline of one of the runners; it is in the account and Region of the stream's registry unless set otherwise.
 * https://docs.aws.amazon.com/codepipeline/latest/APIReference/API_PipelineDeclaration.html
 */
const pipeline = v.strictObject({
  /** The runner. */
  runner: v.optional(v.picklist(RUNNER_KINDS), DEFAULT_RUNNER),
  account: v.optional(account),
  region: v.optional(region),
  name: v.pipe(v.string(), v.regex(/^[A-Za-z0-9.@_-]{1,100}$/, 'must be the name of a pipeline')),
  /** The output variable in which a run names the pushed digest. */
  digestVariable: v.optional(
    v.pipe(v.string(), v.regex(/^[A-Za-z0-9@_-]{1,128}$/, 'must be the name of an output variable')),
    DIGEST_VARIABLE,
  ),
  /** A longer run is abandoned. The time of a manual approval does not count: it has `guards.approvalHours`. */
  buildMinutes: v.optional(positive(10_080), 60),
});

const rollout = v.picklist(ROLLOUT_MODES);

const caps = v.strictObject({
  concurrentRebuilds: v.optional(count(1000), 8),
  perAccount: v.optional(count(1000)),
  ramp: v.optional(v.pipe(v.integer(), v.minValue(1))),
  /** Images that no workload runs are not rebuilt with their parents. */
  onlyApplicationsInUse: v.optional(v.boolean(), true),
  /** A new head of a parent is a cause, and every rebuild takes along all children. */
  followParents: v.optional(v.boolean(), true),
});

export const DEPLOYMENT_HOURS = 2;

/** `GuardSettings` says what each of them means. */
const guards = v.strictObject({
  attempts: v.optional(count(10), 3),
  coolDownMinutes: v.optional(v.pipe(v.number(), v.minValue(0), v.maxValue(10_080)), 60),
  retryUnknownFixDays: v.optional(positive(365), 7),
  depth: v.optional(count(20), 5),
  verifyMinutes: v.optional(positive(1440), 120),
  cascadeHours: v.optional(positive(168), 24),
  approvalHours: v.optional(positive(1440), 168),
  closureHours: v.optional(positive(2160), 72),
  deploymentHours: v.optional(positive(72), DEPLOYMENT_HOURS),
});

/** The pattern itself is checked when a policy is applied. */
export const headTagText = v.pipe(v.string(), v.maxLength(256));
type HeadTag = v.GenericSchema<string, string>;

/** What Patchwave may do: the stricter of all modes that apply to a stream wins. */
export const MODES = ['enforce', 'report-only', 'paused'] as const;
const mode = v.picklist(MODES);

/** All heads of a stream, or only those of a stream that running images are built on. */
const HEADS = ['all', 'in-use'] as const;

/** In the id of a stream, after its repository. */
const streamName = v.pipe(v.string(), v.regex(/^[!-~]{1,256}$/, 'has characters that no name of a stream has'));

/** Repositories whose images one team makes or imports, and the release lines in them. Tier and owner come from here only. */
const streamRule = (headTag: HeadTag) =>
  v.strictObject({
    id,
    tier: v.picklist(STREAM_TIERS),
    account,
    regions: some(region),
    repositories: some(glob),
    /** One release line each; an image that matches none is a branch build: inventoried, never a head. */
    headTags: some(headTag),
    /**
     * What the streams of a head tag are called, if not as the pattern. `policy apply` writes it when a pattern is edited, so
     * that its streams keep history, causes and closures.
     */
    names: v.optional(v.record(headTag, streamName)),
    owner: v.pipe(v.string(), v.minLength(1), v.maxLength(128)),
    mode: v.optional(mode),
    /**
     * Ids of the parent rules; used only if the content shows no parent. An empty list says that its images are built
     * from images of no rule.
     */
    parents: v.optional(v.array(id)),
    /** The pipeline that rebuilds its images; without one they are never rebuilt. */
    pipeline: v.optional(pipeline),
    rollout: v.optional(rollout, 'pipeline'),
    /**
     * Its pipeline pushes `<tag>-candidate`, and Patchwave moves the tag after verification. Without it the stream is
     * unguarded.
     */
    promotes: v.optional(v.boolean(), false),
    /** Which heads are scanned and judged although they do not run; `watchedHeads` says what applies without it. */
    heads: v.optional(v.picklist(HEADS)),
  });

/** A matching finding violates after its grace period, which starts at the first sighting in the stream. */
const severityRule = v.strictObject({
  id,
  severities: some(v.picklist(SEVERITIES)),
  /** ECR basic scanning reports no fix, so every finding there is `unknown`. */
  fix: v.optional(some(v.picklist(['yes', 'no', 'unknown'])), ['yes', 'unknown']),
  graceDays: days,
  tiers: v.optional(some(v.picklist(TIERS))),
  /** Planned at once, even while a review runs. */
  urgent: v.optional(v.boolean(), false),
});

const ageLimit = v.strictObject({
  limitDays: days,
  warnAtPercent: v.optional(v.pipe(v.number(), v.minValue(1), v.maxValue(100)), 80),
});

/** A rule about what an image says of itself. */
const configRule = (name: string) =>
  v.strictObject({
    id: v.optional(id, name),
    tiers: v.optional(some(v.picklist(BUILT_TIERS)), [...BUILT_TIERS]),
  });

const MAX_WAIVER_DAYS = 180;

/** An accepted exception, void at the first evaluation after `expires` (NIST SP 800-53 RA-5, risk acceptance). */
const waiver = v.pipe(
  v.strictObject({
    id,
    /** Exactly one of these: a vulnerability id or a rule id. */
    finding: v.optional(v.text()),
    rule: v.optional(id),
    /** Where it applies; all named fields must match. */
    scope: v.optional(
      v.strictObject({
        repositories: v.optional(some(glob)),
        account: v.optional(account),
        /** The name of an EKS cluster; only for the rule `scope-readable`. */
        cluster: v.optional(v.text()),
        package: v.optional(v.string()),
        owner: v.optional(v.string()),
      }),
      {},
    ),
    reason: v.pipe(v.string(), v.minLength(10, 'must have at least ten characters')),
    author: v.text(),
    created: v.isoDate(),
    expires: v.isoDate(),
  }),
  v.check(
    ({ finding, rule }) => (finding === undefined) !== (rule === undefined),
    'must name a finding or a rule, and not both',
  ),
  v.check(
    ({ rule, scope: { account: named, cluster } }) =>
      cluster === undefined || (rule === SCOPE_READABLE && named !== undefined),
    'a cluster can only be named for the rule scope-readable, together with its account',
  ),
  v.check(
    ({ created, expires }) => Date.parse(expires) - Date.parse(created) <= MAX_WAIVER_DAYS * 86_400_000,
    `\`expires\` must be at most ${MAX_WAIVER_DAYS} days after \`created\``,
  ),
);

/** Accounts and Regions that a review reads. */
const scopes = v.union([v.literal('organization'), some(v.strictObject({ account, regions: some(region) }))]);

/** The schema of a policy; checks across parts are in `policy-rules.ts`. */
export const policyWith = (headTag: HeadTag) =>
  v.strictObject({
    version: v.literal(1),
    mode: v.optional(mode, 'report-only'),
    modes: v.optional(
      v.strictObject({
        tiers: v.optional(v.record(v.picklist(TIERS), mode)),
        owners: v.optional(v.record(v.string(), mode)),
        accounts: v.optional(v.record(account, mode)),
      }),
      {},
    ),
    scopes: v.optional(scopes, 'organization'),
    ages: v.strictObject({
      default: ageLimit,
      tiers: v.optional(v.record(v.picklist(TIERS), ageLimit)),
      /** Whether images below the lowest base, which are the vendor's, count for the age. */
      vendorCounts: v.optional(v.boolean(), false),
    }),
    streams: v.array(streamRule(headTag)),
    severities: v.array(severityRule),
    /** Hosts and paths an image may come from: `*.dkr.ecr.*.amazonaws.com/*`. */
    approvedRegistries: v.optional(v.strictObject({ id: v.optional(id, 'approved-registries'), allow: some(glob) })),
    /** Labels name the repository and the commit that an image was built from. */
    sourceKnown: v.optional(configRule('source-known')),
    /** The config of an image names a user other than root. */
    nonRoot: v.optional(configRule('non-root')),
    /** The operating system of an image gets security updates. Without the rule, an image past the end of its system is unknown. */
    systemSupported: v.optional(configRule('system-supported')),
    /** How the tags of each tier are made. A tier without a scheme may have any tags. */
    tags: v.optional(
      v.strictObject({
        id: v.optional(id, 'tags'),
        tiers: v.optional(
          v.strictObject({
            base: v.optional(v.picklist(TAG_SCHEMES)),
            platform: v.optional(v.picklist(TAG_SCHEMES)),
            application: v.optional(v.picklist(TAG_SCHEMES)),
          }),
          DEFAULT_TAG_SCHEMES,
        ),
      }),
    ),
    /** Registries of AWS itself: add-ons and agents. */
    awsManaged: v.optional(v.strictObject({ accounts: v.array(account), references: v.optional(v.array(glob), []) }), {
      accounts: [],
      references: [],
    }),
    /** Repositories that copy an upstream: pull-through caches and imports. */
    mirrors: v.optional(v.array(v.strictObject({ account, repositories: some(glob) })), []),
    staleScanHours: v.optional(v.pipe(v.number(), v.minValue(24), v.maxValue(720)), 48),
    waivers: v.optional(v.array(waiver), []),
    /**
     * The maximum number of concurrent rebuilds, in total and per pipeline account, and of new root streams per day.
     */
    caps: v.optional(caps, {}),
    guards: v.optional(guards, {}),
    /**
     * What to do about images in use that a lifecycle policy will expire: only report them, or add a protecting tag.
     */
    protection: v.optional(v.picklist(['report', 'tag']), 'report'),
    /** Which images may start, by cluster and namespace. Absent: every image. */
    doors: v.optional(doorsSchema),
  });

export const policySchema = policyWith(headTagText);

export type Policy = v.InferOutput<typeof policySchema>;
/** As written by a person: fields with a default may be missing. */
export type PolicyDocument = v.InferInput<typeof policySchema>;
export type StreamRule = Policy['streams'][number];
export type SeverityRule = Policy['severities'][number];
export type Waiver = Policy['waivers'][number];
export type Mode = (typeof MODES)[number];
