import type { Closure, Deployment } from '../../../../shared/domain/cause/cascade.ts';
import type { Cause } from '../../../../shared/domain/cause/cause.ts';
import type { RebuildOutcome } from '../../../../shared/domain/cause/rebuild.ts';
import type { LedgerRecord } from '../../../../shared/domain/outbox/ledger-record.ts';
import { measurementsOf } from '../../../../shared/domain/outbox/metrics.ts';
import { digestOf } from '../../../support/samples.ts';
import { rebuild as rebuildWith, STREAM } from '../rollout/acting.ts';

const cause = (reason?: NonNullable<Cause['answer']>['reason']): LedgerRecord => ({
  kind: 'cause',
  record: {
    ...{ stream: STREAM, facts: [], sinceEpochMs: 1, version: 1, state: 'open' },
    ...(reason && { answer: { answer: 'refuse', reason, detail: 'three in a row' } }),
  },
});
const rebuild = (outcome?: RebuildOutcome): LedgerRecord => ({
  kind: 'rebuild',
  record: rebuildWith(outcome ? { outcome } : {}),
});
const deployment = (state: Deployment['state']): LedgerRecord => ({
  kind: 'deployment',
  record: {
    ...{ cascadeId: 'c', service: '111122223333/eu-west-1/prod/web', mode: 'restart', state },
    ...{ startingAtEpochMs: 1, deadlineEpochMs: 2 },
  },
});
const closure = (state: Closure['state']): LedgerRecord => ({
  kind: 'closure',
  record: {
    ...{ cascadeId: 'c', stream: STREAM, facts: [], output: digestOf('a'), state },
    ...{ sinceEpochMs: 1, deadlineEpochMs: 2 },
  },
});
const unverified: RebuildOutcome = { result: 'unverified', reason: 'no scan' };
const exhausted = { metric: 'AttemptsExhausted', count: 1 };
const counted = (metric: string, count: number) => [{ metric, count }];

test.each([
  ['a cause that is refused for its attempts', cause('no-pipeline'), cause('attempts-exhausted'), [exhausted]],
  ['one that is new', undefined, cause('attempts-exhausted'), [exhausted]],
  ['one that stays refused', cause('attempts-exhausted'), cause('attempts-exhausted'), []],
  ['one that is refused for something else', cause('attempts-exhausted'), cause('report-only'), []],
  ['a rebuild that begins', undefined, rebuild(), []],
  ['a rebuild that was not verified', rebuild(), rebuild(unverified), counted('RebuildsUnverified', 1)],
  ['a rebuild that fixed', rebuild(), rebuild({ result: 'fixed' }), counted('RebuildsUnverified', 0)],
  ['an end that stands', rebuild(unverified), rebuild({ ...unverified, reason: 'quota' }), []],
  ['a deployment that runs', deployment('starting'), deployment('running'), []],
  ['a deployment that failed', deployment('running'), deployment('failed'), counted('DeploymentsFailed', 1)],
  ['one that was rolled back', deployment('running'), deployment('rolled-back'), counted('DeploymentsFailed', 1)],
  ['one that is complete', deployment('running'), deployment('completed'), counted('DeploymentsFailed', 0)],
  ['one that was refused at once', undefined, deployment('refused'), counted('DeploymentsFailed', 0)],
  ['one that stays what it is', deployment('failed'), deployment('failed'), []],
  ['a closure that waits', closure('open'), closure('open'), []],
  ['one that Inspector contradicts', closure('open'), closure('witness-disagrees'), counted('WitnessDisagrees', 1)],
  ['one that closed', closure('open'), closure('closed'), counted('WitnessDisagrees', 0)],
  ['one that a newer one replaced', closure('open'), closure('replaced'), counted('WitnessDisagrees', 0)],
  ['one that ended before', closure('witness-disagrees'), closure('witness-disagrees'), []],
  ['an item that is gone', deployment('failed'), undefined, []],
  ['another kind of item', undefined, { kind: 'other' }, []],
] as const)('%s', (_, before, after, expected) => {
  expect(measurementsOf(before, after)).toEqual(expected);
});
