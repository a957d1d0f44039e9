import { TIERS } from '../../shared/domain/image/image.ts';
import { WORKLOAD_KINDS } from '../../shared/domain/image/workload-kind.ts';
import { SCAN_STATES } from '../../shared/domain/scan/scan.ts';
import { VERDICTS } from '../../shared/domain/verdict/verdict.ts';
import * as v from '../../shared/schema.ts';
import { jsonSchemaOf } from '../json-schema.ts';
import { actSchema } from './result-act.ts';

const count = v.pipe(v.integer(), v.minValue(0));
const epochMs = v.pipe(v.number(), v.description('milliseconds since 1970-01-01T00:00:00Z'));

const reason = v.looseObject({
  ruleId: v.pipe(v.string(), v.description('the id of the rule in the policy, or of a built-in rule')),
  effect: v.picklist(['violates', 'unknown', 'due', 'waived']),
  kind: v.picklist([
    'age',
    'age-unknown',
    'digest-guessed',
    'finding',
    'scan',
    'registry',
    'source',
    'user',
    'tag',
    'system',
    'policy',
  ]),
  deadlineEpochMs: v.optional(epochMs),
  waiverId: v.optional(v.string()),
  decidedBy: v.optional(
    v.pipe(v.string(), v.description('for an age: the ancestor that decides the age; absent if the image itself does')),
  ),
});

const image = v.strictObject({
  digest: v.string(),
  outcome: v.pipe(v.picklist([...VERDICTS, 'failed']), v.description('exactly one for each image in use')),
  tier: v.picklist(TIERS),
  stream: v.optional(v.string()),
  owner: v.optional(v.string()),
  locations: v.array(v.strictObject({ account: v.string(), region: v.string(), repository: v.string() })),
  bornAtEpochMs: v.optional(v.pipe(epochMs, v.description('its own birth; its ancestors may be older'))),
  parentDigest: v.optional(v.pipe(v.string(), v.description('digest of its parent'))),
  scan: v.strictObject({ state: v.picklist(SCAN_STATES), reason: v.optional(v.string()) }),
  findings: v.optional(count),
  reasons: v.array(reason),
  usages: v.array(
    v.strictObject({
      account: v.string(),
      region: v.string(),
      cluster: v.string(),
      workloadKind: v.picklist(WORKLOAD_KINDS),
      workload: v.pipe(v.string(), v.description('in a Kubernetes cluster with its namespace')),
      container: v.string(),
      count,
      reference: v.optional(v.string()),
      digestSource: v.picklist(['runtime', 'reference', 'push-history', 'tag-guess']),
    }),
  ),
});

const door = v.strictObject({
  door: v.pipe(
    v.picklist(['eks', 'ecs']),
    v.description('eks: the admission webhook of a cluster; ecs: the gate of a deployment'),
  ),
  place: v.pipe(v.string(), v.description('<account>/<Region>/<cluster>, of EKS also /<namespace>')),
  which: v.pipe(
    v.picklist(['old', 'rebuilt']),
    v.description('old: the image of the fleet file, after the first review. rebuilt: what was built in its place'),
  ),
  repository: v.string(),
  image: v.pipe(v.string(), v.description('the digest in the reference')),
  workload: v.pipe(v.string(), v.description('the name of the pod or of the ECS service')),
  started: v.boolean(),
  message: v.optional(v.pipe(v.string(), v.description('if refused: what the door says'))),
  deployment: v.optional(
    v.pipe(
      v.strictObject({ arn: v.string(), status: v.pipe(v.string(), v.description('as ECS reports it')) }),
      v.description('of ECS: the service deployment'),
    ),
  ),
});

const outcomes = v.strictObject({ compliant: count, violating: count, unknown: count, failed: count });

/** What `npm run demo -- --json` prints as the last line of standard output. Published as demo.schema.json. */
export const demoResultSchema = v.strictObject({
  fleet: v.string(),
  seed: v.integer(),
  mode: v.picklist(['enforce', 'report-only', 'paused']),
  execution: v.strictObject({
    arn: v.string(),
    status: v.pipe(v.string(), v.description('as Step Functions reports it: SUCCEEDED, FAILED, TIMED_OUT, ABORTED')),
    error: v.optional(v.string()),
    cause: v.optional(v.string()),
  }),
  runId: v.string(),
  policyVersion: v.string(),
  found: v.pipe(count, v.description('digests in use; the sum of all outcomes')),
  outcomes,
  ancestors: v.pipe(
    v.strictObject({ found: count, outcomes }),
    v.description(
      'images that do not run themselves: ancestors of running images, and heads with their ancestors; also scanned and judged',
    ),
  ),
  scopes: v.array(
    v.strictObject({
      account: v.string(),
      region: v.string(),
      eksCluster: v.optional(v.pipe(v.string(), v.description('the EKS cluster that the scope is; absent for ECS'))),
      status: v.picklist(['complete', 'skipped', 'failed', 'left']),
      detail: v.optional(v.string()),
    }),
  ),
  unresolved: v.pipe(count, v.description('containers with an unknown digest')),
  images: v.array(image),
  atRisk: v.pipe(
    v.array(v.strictObject({ digest: v.string(), what: v.string(), why: v.string() })),
    v.description(
      'each running image that is not compliant, the most serious one first: what is wrong, and why it is still there',
    ),
  ),
  nextBreaches: v.array(v.strictObject({ digest: v.string(), atEpochMs: epochMs })),
  calls: v.pipe(
    v.array(v.strictObject({ service: v.string(), operation: v.string(), count })),
    v.description('AWS calls of the roles of Patchwave'),
  ),
  act: actSchema,
  doors: v.pipe(
    v.array(door),
    v.description('what somebody tried to start where `doors` of the policy denies, as the fleet file says'),
  ),
  picture: v.optional(v.pipe(v.string(), v.description('with --svg: the file with the picture of the plan'))),
  faults: v.optional(
    v.pipe(
      v.strictObject({
        seed: v.integer(),
        throttled: v.pipe(count, v.description('calls of Patchwave that were throttled')),
        failed: v.pipe(count, v.description('calls of Patchwave that failed')),
        events: v.array(
          v.strictObject({
            what: v.picklist(['lost', 'doubled', 'late', 'reordered']),
            source: v.string(),
            detailType: v.string(),
            about: v.pipe(v.string(), v.description('the repository, pipeline or group that the event is about')),
            count,
          }),
        ),
      }),
      v.description('with --chaos: what was injected'),
    ),
  ),
  seconds: v.pipe(v.record(v.string(), v.number()), v.description('seconds for each step of the demo')),
  kept: v.optional(
    v.pipe(
      v.strictObject({
        endpoint: v.string(),
        region: v.string(),
        hubAccount: v.string(),
        ledgerTable: v.string(),
        stateMachineArn: v.string(),
        pid: v.integer(),
        stateDir: v.pipe(v.string(), v.description('the folder of its files and its log')),
      }),
      v.description('with --keep: how to reach the cloud'),
    ),
  ),
});

export type DemoResult = v.InferOutput<typeof demoResultSchema>;

/** The published JSON schema of the result. */
export const demoJsonSchema = (): object => ({
  title: 'What `npm run demo -- --json` prints',
  ...jsonSchemaOf(demoResultSchema),
});
