import * as v from '../../shared/schema.ts';

const count = v.pipe(v.integer(), v.minValue(0));
const epochMs = v.pipe(v.number(), v.description('milliseconds since 1970-01-01T00:00:00Z'));

const review = v.strictObject({
  runId: v.string(),
  executionArn: v.string(),
  status: v.string(),
  outcomes: v.strictObject({ compliant: count, violating: count, unknown: count, failed: count }),
});

const answer = v.strictObject({
  stream: v.string(),
  answer: v.picklist(['wait', 'refuse']),
  reason: v.string(),
  detail: v.string(),
});

const wouldDo = v.strictObject({
  stream: v.string(),
  pipeline: v.pipe(v.string(), v.description('<account>/<Region>/<name>')),
  rollout: v.picklist(['pipeline', 'restart', 'register', 'none']),
  facts: v.array(v.string()),
});

const cascade = v.strictObject({
  cascadeId: v.pipe(v.string(), v.description('also the name of its execution')),
  executionArn: v.optional(v.string()),
  state: v.picklist(['planned', 'running', 'complete', 'incomplete']),
  detail: v.optional(v.string()),
});

const rebuild = v.strictObject({
  stream: v.string(),
  rebuildId: v.string(),
  cascadeId: v.string(),
  pipeline: v.strictObject({ account: v.string(), region: v.string(), name: v.string() }),
  executionId: v.optional(v.pipe(v.string(), v.description('of the pipeline; absent where none was started'))),
  facts: v.pipe(v.array(v.string()), v.description('what it was to mend')),
  headBefore: v.optional(v.string()),
  output: v.optional(v.pipe(v.string(), v.description('the digest that was proven to be what it pushed'))),
  outcome: v.optional(
    v.pipe(v.string(), v.description('fixed, ineffective, worse, unverified, no-output or failed, as judged')),
  ),
});

const deployment = v.strictObject({
  cascadeId: v.string(),
  service: v.pipe(v.string(), v.description('<account>/<Region>/<cluster>/<service>')),
  mode: v.picklist(['restart', 'register']),
  state: v.picklist(['starting', 'running', 'completed', 'failed', 'rolled-back', 'refused']),
  deploymentId: v.optional(v.string()),
  detail: v.optional(v.string()),
});

const closure = v.strictObject({
  cascadeId: v.string(),
  stream: v.string(),
  output: v.string(),
  state: v.picklist(['open', 'closed']),
  waitingFor: v.optional(v.string()),
  proof: v.optional(
    v.strictObject({ runId: v.string(), closedAtEpochMs: epochMs, scopes: count, usagesOfOutput: count }),
  ),
});

/** What the demo tells of acting. */
export const actSchema = v.strictObject({
  reviews: v.pipe(v.array(review), v.description('in their order; the rest of the result is of the last one')),
  admitted: v.pipe(v.array(v.string()), v.description('accounts that got their read role between two reviews')),
  answers: v.pipe(v.array(answer), v.description('what the guards say of each cause that is open in the end')),
  wouldDo: v.pipe(
    v.array(wouldDo),
    v.description('with --mode report-only or paused: what would be rebuilt, did the policy of the fleet decide'),
  ),
  cascades: v.array(cascade),
  rebuilds: v.array(rebuild),
  deployments: v.array(deployment),
  closures: v.array(closure),
  calls: v.pipe(
    v.array(v.strictObject({ service: v.string(), operation: v.string(), count })),
    v.description('calls of the roles of Patchwave that change what others own; 0 for each that was not made'),
  ),
});

export type ActResult = v.InferOutput<typeof actSchema>;
