import { account, region } from '../../shared/domain/policy/policy-parts.ts';
import type { ReportCounts } from '../../shared/domain/report/report-counts.ts';
import * as v from '../../shared/schema.ts';

const mode = v.picklist(['review', 'preview']);

/** Input of a person or a schedule; `{}` means the whole fleet of the policy. */
export const reviewInput = v.strictObject({
  scopes: v.exactOptional(
    v.pipe(v.array(v.strictObject({ account, regions: v.pipe(v.array(region), v.minLength(1)) })), v.minLength(1)),
  ),
  mode: v.optional(mode, 'review'),
});
export type ReviewInput = v.InferOutput<typeof reviewInput>;

const execution = {
  executionArn: v.text(),
  /** Step Functions gives an ISO instant in its context object and epoch milliseconds in its events. */
  executionStartedAt: v.union([
    v.pipe(v.integer(), v.gtValue(0)),
    v.pipe(
      v.isoInstant(),
      v.transform((text) => Date.parse(text)),
    ),
  ]),
};

const whole = v.pipe(v.integer(), v.minValue(0));
const openImages = v.object({ violating: whole, unknown: whole });
const counts = v.object({
  causesOpen: whole,
  images: v.object({ compliant: whole, violating: whole, unknown: whole, failed: whole }),
  open: v.object({
    ...{ base: openImages, platform: openImages, application: openImages, mirrored: openImages },
    ...{ external: openImages, 'aws-managed': openImages, unmanaged: openImages },
  }),
}) satisfies v.GenericSchema<unknown, ReportCounts>;

const run = { runId: v.text(), mode, policyVersion: v.text() };

/** State of the wait for scans; each check passes it to the next. */
export const scanProgress = v.strictObject({
  decision: v.picklist(['wait', 'ask-again', 'evaluate']),
  waitSeconds: v.pipe(v.integer(), v.minValue(1)),
  polls: v.pipe(v.integer(), v.minValue(0)),
  /** Polls in a row in which no scan ended. */
  stalledPolls: v.pipe(v.integer(), v.minValue(0)),
  pending: v.pipe(v.integer(), v.minValue(0)),
  /** When the last request for scans was finished; absent before the first poll after it. */
  askedAtEpochMs: v.exactOptional(v.number()),
  caughtUp: v.boolean(),
  /** The digests of the next request. */
  batchesKey: v.string(),
});
export type ScanProgress = v.InferOutput<typeof scanProgress>;

export const fleetReviewInput = v.variant('action', [
  v.strictObject({ action: v.literal('open'), input: reviewInput, ...execution }),
  v.strictObject({ action: v.literal('group-registries'), ...run }),
  v.strictObject({ action: v.literal('plan-scans'), ...run }),
  v.strictObject({
    action: v.literal('check-scans'),
    ...run,
    startedAtEpochMs: v.integer(),
    progress: scanProgress,
  }),
  v.strictObject({
    action: v.literal('close'),
    ...run,
    /** Result of the closure check, or its error from a Catch. */
    closures: v.object({ Error: v.optional(v.string()), Cause: v.optional(v.string(), '') }),
    /** Result of the report step. */
    report: v.exactOptional(v.object({ counts })),
  }),
  v.strictObject({
    action: v.literal('abandon'),
    ...execution,
    /** Error from a Catch; an aborted or timed-out execution has only its status. */
    error: v.object({ Error: v.optional(v.string(), 'States.Unknown'), Cause: v.optional(v.string(), '') }),
  }),
]);
export type FleetReviewInput = v.InferOutput<typeof fleetReviewInput>;
export type ReviewActionInput<Action extends FleetReviewInput['action']> = Extract<
  FleetReviewInput,
  { action: Action }
>;
