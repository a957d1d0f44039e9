import * as v from '../schema.ts';

const text = v.text();
export const queueUrl = v.pipe(v.string(), v.trim(), v.url());

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
  /** Starts and asks pipelines of a member account, and moves the tag that others build on. */
  ACT_BUILD_ROLE_NAME: text,

  /** The state machine of cascades, whose executions own locks. */
  CASCADE_MACHINE_ARN: text,

  /** The queue that the function takes its messages from. A message that failed is hidden there for a while. */
  QUEUE_URL: queueUrl,
  /** Keeps messages that no later attempt can understand, and those of senders that may not send them. */
  DEAD_LETTER_QUEUE_URL: queueUrl,
  /** Wakes the planner. */
  PLAN_QUEUE_URL: queueUrl,
  /** Asks `registry-events` what a registry holds. */
  REGISTRY_EVENT_QUEUE_URL: queueUrl,

  /** The shortest wait before a waiting step asks again, in seconds. */
  POLL_SECONDS: v.pipe(v.numberFromText(), v.integer(), v.minValue(1), v.maxValue(300)),
  /** Calls that ask one registry for scans, in a second, for each invocation that runs at a time. */
  SCANS_PER_SECOND: v.pipe(v.numberFromText(), v.gtValue(0)),
  /** A review waits for scans that become possible within so many minutes after its start, and asks for them again. */
  CATCH_UP_MINUTES: v.pipe(v.numberFromText(), v.minValue(0)),
};

/**
 * Fields for the schema of a function's environment. Its `env.ts` names what template.yaml gives the function, and adds what
 * that function alone reads.
 */
export const variables = <const Name extends keyof typeof VARIABLES>(...names: readonly Name[]) =>
  Object.fromEntries(names.map((name) => [name, VARIABLES[name]])) as Pick<typeof VARIABLES, Name>;
