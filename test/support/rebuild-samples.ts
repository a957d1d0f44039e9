/** Small valid records of rebuilds and cascades for tests, as in samples.ts. */

import type { Cascade, CascadeNode, Closure, Deployment } from '../../shared/domain/cause/cascade.ts';
import type { CauseFact } from '../../shared/domain/cause/cause.ts';
import type { Rebuild, StreamLock } from '../../shared/domain/cause/rebuild.ts';
import type { Pipeline } from '../../shared/domain/policy/pipeline.ts';
import { digestOf, HOUR_MS, NOON_EPOCH_MS } from './samples.ts';

export const STREAM = '111122223333/eu-west-1/team/payments-api:^v.*$';

export const PIPELINE: Pipeline = {
  runner: 'codepipeline',
  account: '111122223333',
  region: 'eu-west-1',
  name: 'payments-api',
};

export const ageFact: CauseFact = { kind: 'age', ruleId: 'age-application', sinceEpochMs: NOON_EPOCH_MS };

/** As many facts as a stream may have after years without a rebuild. */
export const manyFacts = (count = 5000): CauseFact[] =>
  Array.from({ length: count }, (_, n) => ({ ...ageFact, ruleId: `age-${n}`, sinceEpochMs: NOON_EPOCH_MS + n }));

export const rebuild = (rebuildId: string, changes: Partial<Rebuild> = {}): Rebuild => ({
  rebuildId,
  stream: STREAM,
  cascadeId: '0123456789ab-g1',
  attempt: 1,
  pipeline: PIPELINE,
  facts: [ageFact],
  reservedAtEpochMs: NOON_EPOCH_MS,
  deadlineEpochMs: NOON_EPOCH_MS + HOUR_MS,
  ...changes,
});

export const lock = (rebuildId: string, changes: Partial<StreamLock> = {}): StreamLock => ({
  stream: STREAM,
  rebuildId,
  cascadeId: '0123456789ab-g1',
  executionArn: 'arn:aws:states:us-east-1:111122223333:execution:rebuild-cascade:0123456789ab-g1',
  attempt: 1,
  deadlineEpochMs: NOON_EPOCH_MS + HOUR_MS,
  ...changes,
});

export const cascade = (cascadeId: string, changes: Partial<Cascade> = {}): Cascade => ({
  cascadeId,
  policyVersion: 'policy-1',
  plannedAtEpochMs: NOON_EPOCH_MS,
  deadlineEpochMs: NOON_EPOCH_MS + 24 * HOUR_MS,
  state: 'planned',
  streams: 1,
  ...changes,
});

export const node = (cascadeId: string, stream: string, changes: Partial<CascadeNode> = {}): CascadeNode => ({
  cascadeId,
  stream,
  work: 'rebuild',
  wave: 0,
  causeVersion: 1,
  facts: [ageFact],
  holders: [digestOf('old')],
  state: 'planned',
  ...changes,
});

export const deployment = (cascadeId: string, service: string, changes: Partial<Deployment> = {}): Deployment => ({
  cascadeId,
  service,
  mode: 'restart',
  state: 'starting',
  startingAtEpochMs: NOON_EPOCH_MS,
  deadlineEpochMs: NOON_EPOCH_MS + HOUR_MS,
  ...changes,
});

export const closure = (cascadeId: string, stream: string, changes: Partial<Closure> = {}): Closure => ({
  cascadeId,
  stream,
  facts: [ageFact],
  output: digestOf('new'),
  sinceEpochMs: NOON_EPOCH_MS,
  deadlineEpochMs: NOON_EPOCH_MS + 72 * HOUR_MS,
  state: 'open',
  ...changes,
});
