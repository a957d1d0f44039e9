import * as v from '../schema.ts';

const text = v.text();
export const queueUrl = v.pipe(v.string(), v.trim(), v.url());

const yesOrNo = v.pipe(
  v.picklist(['true', 'false']),
  v.transform((text) => text === 'true'),
);

/** The environment variables that more than one function reads. */
const VARIABLES = {
  LEDGER_TABLE: text,
  /** The files of reviews, previews and cascades. */
  RUN_BUCKET: text,
  /** Policies, findings and reports. */
  EVIDENCE_BUCKET: text,

  /** The partition of the roles of member accounts. */
  PARTITION: text,
  /** The external id that every role of a member account asks for. */
  READ_ROLE_EXTERNAL_ID: text,
  /** Reads workloads, registries and scans of a member account. */
  READ_ROLE_NAME: text,
  /** Whether reviews read the EKS clusters of member accounts. */
  READ_EKS: yesOrNo,
  /** Whether Patchwave deploys to the EKS clusters of member accounts. */
  ROLLOUT_TO_EKS: yesOrNo,
  /** Starts and reads pipelines of a member account, and moves the tag for children. */
  ACT_BUILD_ROLE_NAME: text,

  /** The delegated administrator of Amazon Inspector; empty if each account is asked itself. */
  INSPECTOR_ACCOUNT: v.pipe(v.string(), v.regex(/^(\d{12})?$/, 'must be an AWS account id, which has 12 digits')),

  /** The state machine of cascades, whose executions own locks. */
  CASCADE_MACHINE_ARN: text,

  /** The queue of the function. A failed message is hidden there for a while. */
  QUEUE_URL: queueUrl,
  /** Stores messages that can never be understood, and those of senders without permission. */
  DEAD_LETTER_QUEUE_URL: queueUrl,
  /** Wakes the planner. */
  PLAN_QUEUE_URL: queueUrl,
  /** Requests a registry read from `registry-events`. */
  REGISTRY_EVENT_QUEUE_URL: queueUrl,

  /** The shortest wait of a waiting step before its next poll, in seconds. */
  POLL_SECONDS: v.pipe(v.numberFromText(), v.integer(), v.minValue(1), v.maxValue(300)),
  /** Scan requests per second to one registry, for each concurrent invocation. */
  SCANS_PER_SECOND: v.pipe(v.numberFromText(), v.gtValue(0)),
  /** A review waits for scans that become due within this many minutes after its start, and requests them again. */
  CATCH_UP_MINUTES: v.pipe(v.numberFromText(), v.minValue(0)),
};

/**
 * Fields for the schema of a function's environment. Its `env.ts` names what template.yaml gives the function, and adds what
 * that function alone reads.
 */
export const variables = <const Name extends keyof typeof VARIABLES>(...names: readonly Name[]) =>
  Object.fromEntries(names.map((name) => [name, VARIABLES[name]])) as Pick<typeof VARIABLES, Name>;
