import * as v from '../../schema.ts';
import { DEFAULT_RUNNER, DIGEST_VARIABLE, RUNNER_KINDS } from './pipeline.ts';
import { account, region } from './policy-parts.ts';
import { ROLLOUT_MODES } from './rollout-mode.ts';

const positive = (most: number) => v.pipe(v.number(), v.gtValue(0), v.maxValue(most));
const count = (most: number) => v.pipe(v.integer(), v.minValue(1), v.maxValue(most));

/**
 * A pipeline of one of the runners; it is in the account and Region of the stream's registry unless set otherwise.
 * https://docs.aws.amazon.com/codepipeline/latest/APIReference/API_PipelineDeclaration.html
 */
export const pipeline = v.strictObject({
  /** The runner. */
  runner: v.optional(v.picklist(RUNNER_KINDS), DEFAULT_RUNNER),
  account: v.optional(account),
  region: v.optional(region),
  name: v.pipe(v.string(), v.regex(/^[A-Za-z0-9.@_-]{1,100}$/, 'a name of a pipeline')),
  /** The output variable in which a run names the pushed digest. */
  digestVariable: v.optional(
    v.pipe(v.string(), v.regex(/^[A-Za-z0-9@_-]{1,128}$/, 'a name of an output variable')),
    DIGEST_VARIABLE,
  ),
  /** A longer run is abandoned. The time of a manual approval does not count: it has `guards.approvalHours`. */
  buildMinutes: v.optional(positive(10_080), 60),
});

export const rollout = v.picklist(ROLLOUT_MODES);

export const caps = v.strictObject({
  concurrentRebuilds: v.optional(count(1000), 8),
  perAccount: v.optional(count(1000)),
  ramp: v.optional(v.pipe(v.integer(), v.minValue(1))),
  /** Images that no workload runs are not rebuilt with their parents. */
  onlyApplicationsInUse: v.optional(v.boolean(), true),
  /** A new head of a parent is a cause, and every rebuild takes along all children. */
  followParents: v.optional(v.boolean(), true),
});

/** `GuardSettings` says what each of them means. */
export const guards = v.strictObject({
  attempts: v.optional(count(10), 3),
  coolDownMinutes: v.optional(v.pipe(v.number(), v.minValue(0), v.maxValue(10_080)), 60),
  retryUnknownFixDays: v.optional(positive(365), 7),
  depth: v.optional(count(20), 5),
  verifyMinutes: v.optional(positive(1440), 120),
  cascadeHours: v.optional(positive(168), 24),
  approvalHours: v.optional(positive(1440), 168),
  closureHours: v.optional(positive(2160), 72),
});
