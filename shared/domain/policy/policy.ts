import * as v from '../../schema.ts';
import { TIERS } from '../image/image.ts';
import { caps, guards, pipeline, rollout } from './policy-acting.ts';
import { account, days, glob, id, region, SEVERITIES, some } from './policy-parts.ts';

/** What is wrong with the pattern itself is asked where a policy is applied. */
export const headTagText = v.pipe(v.string(), v.maxLength(256));
type HeadTag = v.GenericSchema<string, string>;

/** What Patchwave may do: the stricter of all modes that apply to a stream wins. */
export const MODES = ['enforce', 'report-only', 'paused'] as const;
const mode = v.picklist(MODES);

/** Repositories whose images one team makes, and the release lines in them. Tier and owner come from here only. */
const streamRule = (headTag: HeadTag) =>
  v.strictObject({
    id,
    tier: v.picklist(['base', 'platform', 'application']),
    account,
    regions: some(region),
    repositories: some(glob),
    /** One release line each; an image that matches none is a branch build: inventoried, never a head. */
    headTags: some(headTag),
    owner: v.pipe(v.string(), v.minLength(1), v.maxLength(128)),
    mode: v.optional(mode),
    /**
     * Ids of rules whose images its own are built from; believed only where their content shows no parent. An empty list says
     * that they are built from images of no rule.
     */
    parents: v.optional(v.array(id)),
    /** What makes its images anew; without one it is never rebuilt. */
    pipeline: v.optional(pipeline),
    rollout: v.optional(rollout, 'pipeline'),
    /** Its pipeline pushes `<tag>-candidate`, and the moving tag moves once that is verified. Otherwise it is unguarded. */
    promotes: v.optional(v.boolean(), false),
  });

/** A finding that matches violates once its grace is over; grace runs from the first sighting in the stream. */
const severityRule = v.strictObject({
  id,
  severities: some(v.picklist(SEVERITIES)),
  /** ECR basic scanning tells no fix, so there every finding is `unknown`. */
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

const MAX_WAIVER_DAYS = 180;

/** An accepted exception, void at the first evaluation after `expires` (NIST SP 800-53 RA-5, risk acceptance). */
const waiver = v.pipe(
  v.strictObject({
    id,
    /** Exactly one of the two: a vulnerability id, or a rule id. */
    finding: v.optional(v.text()),
    rule: v.optional(id),
    /** Where it holds; everything that is named must match. */
    scope: v.optional(
      v.strictObject({
        repositories: v.optional(some(glob)),
        account: v.optional(account),
        package: v.optional(v.string()),
        owner: v.optional(v.string()),
      }),
      {},
    ),
    reason: v.pipe(v.string(), v.minLength(10, 'say why, in at least ten characters')),
    author: v.text(),
    created: v.isoDate(),
    expires: v.isoDate(),
  }),
  v.check(
    ({ finding, rule }) => (finding === undefined) !== (rule === undefined),
    'name a finding or a rule, not both',
  ),
  v.check(
    ({ created, expires }) => Date.parse(expires) - Date.parse(created) <= MAX_WAIVER_DAYS * 86_400_000,
    `expires at most ${MAX_WAIVER_DAYS} days after created`,
  ),
);

/** Accounts and Regions that a review reads. */
const scopes = v.union([v.literal('organization'), some(v.strictObject({ account, regions: some(region) }))]);

/** The form of a policy; what its parts must have to do with one another is in `policy-rules.ts`. */
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
      /** Whether what lies below the lowest image of tier base, the vendor's, makes an image older. */
      vendorCounts: v.optional(v.boolean(), false),
    }),
    streams: v.array(streamRule(headTag)),
    severities: v.array(severityRule),
    /** Hosts and paths an image may come from: `*.dkr.ecr.*.amazonaws.com/*`. */
    approvedRegistries: v.optional(v.strictObject({ id: v.optional(id, 'approved-registries'), allow: some(glob) })),
    /** Registries of AWS itself: add-ons and agents. */
    awsManaged: v.optional(v.strictObject({ accounts: v.array(account), references: v.optional(v.array(glob), []) }), {
      accounts: [],
      references: [],
    }),
    /** Repositories that copy an upstream: pull-through caches and imports. */
    mirrors: v.optional(v.array(v.strictObject({ account, repositories: some(glob) })), []),
    staleScanHours: v.optional(v.pipe(v.number(), v.minValue(24), v.maxValue(720)), 48),
    waivers: v.optional(v.array(waiver), []),
    /** At most so many rebuilds at once, in all and for each account of pipelines, and so many new root streams a day. */
    caps: v.optional(caps, {}),
    guards: v.optional(guards, {}),
    /** Of images in use that a lifecycle policy will take: told only, or given a tag that a rule of that policy keeps. */
    protection: v.optional(v.picklist(['report', 'tag']), 'report'),
  });

export const policySchema = policyWith(headTagText);

export type Policy = v.InferOutput<typeof policySchema>;
/** As a person writes it: what has a default may be left out. */
export type PolicyDocument = v.InferInput<typeof policySchema>;
export type StreamRule = Policy['streams'][number];
export type SeverityRule = Policy['severities'][number];
export type Waiver = Policy['waivers'][number];
export type Mode = (typeof MODES)[number];
