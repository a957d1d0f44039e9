import { CASCADE_STATES, NODE_STATES } from '../../shared/domain/cause/cascade.ts';
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

const planned = {
  stream: v.string(),
  work: v.pipe(
    v.picklist(['rebuild', 'deploy']),
    v.description('deploy: the head is fixed already, and only running images are old'),
  ),
  wave: v.pipe(count, v.description('from 0; a stream of a wave is built on streams of earlier waves')),
  parents: v.pipe(v.array(v.string()), v.description('planned streams that it is built on; they are verified first')),
  atFault: v.pipe(v.boolean(), v.description('it has a fact of its own, and is built on no other stream of the plan')),
};

const wouldDo = v.strictObject({
  ...planned,
  pipeline: v.pipe(v.string(), v.description('<account>/<Region>/<name>')),
  rollout: v.picklist(['pipeline', 'restart', 'register', 'none']),
  facts: v.array(v.string()),
});

const node = v.strictObject({
  ...planned,
  facts: v.pipe(v.array(v.string()), v.description('the facts to fix')),
  state: v.picklist(NODE_STATES),
  reason: v.optional(v.pipe(v.string(), v.description('why the stream was not finished: a reason of docs/acting.md'))),
  detail: v.optional(v.string()),
  before: v.optional(v.pipe(v.string(), v.description('its head when it was planned'))),
  after: v.optional(v.pipe(v.string(), v.description('the built image, or the head that is deployed'))),
});

const cascade = v.strictObject({
  cascadeId: v.pipe(v.string(), v.description('also the name of its execution')),
  executionArn: v.optional(v.string()),
  state: v.picklist(CASCADE_STATES),
  detail: v.optional(v.string()),
  nodes: v.pipe(v.array(node), v.description('the streams of the plan, wave by wave')),
});

const rebuild = v.strictObject({
  stream: v.string(),
  rebuildId: v.string(),
  cascadeId: v.string(),
  pipeline: v.strictObject({ account: v.string(), region: v.string(), name: v.string() }),
  executionId: v.optional(
    v.pipe(v.string(), v.description('execution id of the pipeline; absent if none was started')),
  ),
  facts: v.pipe(v.array(v.string()), v.description('the facts to fix')),
  headBefore: v.optional(v.string()),
  output: v.optional(v.pipe(v.string(), v.description('the digest that it pushed, with proof'))),
  outcome: v.optional(
    v.pipe(v.string(), v.description('fixed, ineffective, worse, unverified, no-output or failed, as judged')),
  ),
});

const deployment = v.strictObject({
  cascadeId: v.string(),
  service: v.pipe(
    v.string(),
    v.description('<account>/<Region>/<cluster>/<service>; of Kubernetes .../<kind>:<namespace>/<name>'),
  ),
  mode: v.picklist(['restart', 'register']),
  state: v.picklist(['starting', 'running', 'completed', 'failed', 'rolled-back', 'superseded', 'refused']),
  deploymentId: v.optional(v.string()),
  detail: v.optional(v.string()),
});

const closure = v.strictObject({
  cascadeId: v.string(),
  stream: v.string(),
  output: v.string(),
  state: v.picklist(['open', 'closed', 'replaced', 'witness-disagrees']),
  waitingFor: v.optional(v.string()),
  proof: v.optional(
    v.strictObject({
      runId: v.string(),
      nothingRunsSinceEpochMs: v.optional(epochMs),
      ...{ closedAtEpochMs: epochMs, scopes: count, usagesOfOutput: count },
    }),
  ),
});

const stream = v.strictObject({
  stream: v.string(),
  state: v.pipe(
    v.picklist(['patched', 'stopped', 'open', 'on-hold']),
    v.description(
      'patched: proven by a review. stopped: its rebuild did not fix it. open: fixed but not proven yet. on-hold: Patchwave waits or is not allowed to act',
    ),
  ),
  reason: v.optional(v.pipe(v.string(), v.description('why it is not patched: a reason of docs/acting.md'))),
  detail: v.optional(v.string()),
  before: v.optional(v.pipe(v.string(), v.description('its head when it was planned'))),
  after: v.optional(v.pipe(v.string(), v.description('the last output, an index or an image'))),
  parts: v.pipe(
    v.record(v.string(), v.string()),
    v.description('by platform: the images of `after` if it is the head of the stream; otherwise empty'),
  ),
  provenBy: v.optional(v.pipe(v.string(), v.description('run id of the review that found no old image running'))),
  runs: v.pipe(
    v.array(v.strictObject({ service: v.string(), container: v.string(), count, digest: v.string() })),
    v.description(
      'running containers of the stream in the last review; the service is <account>/<Region>/<cluster>/<name>',
    ),
  ),
});

/** The part of the result about rebuilds and rollouts. */
export const actSchema = v.strictObject({
  reviews: v.pipe(v.array(review), v.description('in order; the rest of the result comes from the last one')),
  gaveUp: v.pipe(v.array(v.string()), v.description('why the demo did not wait for the end of all work; else empty')),
  admitted: v.pipe(v.array(v.string()), v.description('accounts whose read role was created between two reviews')),
  answers: v.pipe(v.array(answer), v.description('answers of the guards for each cause that is still open')),
  wouldDo: v.pipe(
    v.array(wouldDo),
    v.description("with --mode report-only or paused: the plan that the fleet's own policy would carry out"),
  ),
  cascades: v.array(cascade),
  rebuilds: v.array(rebuild),
  deployments: v.array(deployment),
  closures: v.array(closure),
  streams: v.pipe(
    v.array(stream),
    v.description('the outcome of each stream at fault: before, after, and running containers'),
  ),
  calls: v.pipe(
    v.array(v.strictObject({ service: v.string(), operation: v.string(), count })),
    v.description('calls by which Patchwave changed resources of the teams; 0 if none was made'),
  ),
});

export type ActResult = v.InferOutput<typeof actSchema>;
