import { DynamoRunningLedger } from '../../shared/adapters/dynamodb/images/running-ledger.ts';
import { DynamoUsageLedger } from '../../shared/adapters/dynamodb/images/usage-ledger.ts';
import { DynamoAskedWebhooks } from '../../shared/adapters/dynamodb/policy/asked-webhooks.ts';
import { DynamoBreakGlassLedger } from '../../shared/adapters/dynamodb/policy/break-glass-ledger.ts';
import { DynamoDenialLedger } from '../../shared/adapters/dynamodb/policy/denial-ledger.ts';
import { DynamoStartDenials } from '../../shared/adapters/dynamodb/policy/start-denial-ledger.ts';
import { DynamoTaskStops } from '../../shared/adapters/dynamodb/policy/task-stops.ts';
import { DynamoCascadeLedger } from '../../shared/adapters/dynamodb/rebuilds/cascade-ledger.ts';
import { DynamoExpiryLedger } from '../../shared/adapters/dynamodb/retention/expiry-ledger.ts';
import { DynamoRunLedger } from '../../shared/adapters/dynamodb/reviews/run-ledger.ts';
import { DynamoScheduleLedger } from '../../shared/adapters/dynamodb/reviews/schedule-ledger.ts';
import { DynamoServiceAtZeroLedger } from '../../shared/adapters/dynamodb/reviews/service-at-zero-ledger.ts';
import { DynamoLateHeads } from '../../shared/adapters/dynamodb/streams/late-heads.ts';
import type { Item } from '../../shared/adapters/dynamodb/table/item.ts';
import { LedgerTable } from '../../shared/adapters/dynamodb/table/table.ts';
import { actingLedgers } from '../../shared/lambda/ledgers.ts';
import { deniedTaskOf, startDenialOf } from '../contract/start-denial-ledger.contract.ts';
import { MemoryTable } from './memory-dynamo.ts';
import { lock } from './rebuild-samples.ts';
import { digestOf, HOUR_MS, LOCATION, NOON_EPOCH_MS, review, usage } from './samples.ts';

/** Items that no demo leaves behind: what waits, what is held, what ended badly. Each is written by its own adapter. */
export async function sampleItems(): Promise<readonly Item[]> {
  const memory = new MemoryTable();
  const table = new LedgerTable(memory.client(), 'ledger');
  const { locks, slots, rollouts } = actingLedgers(table);
  const usages = new DynamoUsageLedger(table);
  const runs = new DynamoRunLedger(table);
  const lease = { nowEpochMs: NOON_EPOCH_MS, untilEpochMs: NOON_EPOCH_MS + HOUR_MS };
  await locks.take(lock('sample-rebuild', { stream: '111122223333/eu-west-1/team/sample:^v.*$' }));
  await slots.take('sample', 1, 'sample-owner', lease);
  await new DynamoCascadeLedger(table).beginPlanning('sample-planner', lease);
  await rollouts.stopEnvironment({
    ...{ cascadeId: 'sample-g1', environment: '111122223333/eu-west-1/prod' },
    ...{ service: '111122223333/eu-west-1/prod/web', state: 'failed' },
  });
  const digest = digestOf('sample');
  await new DynamoExpiryLedger(table).record(
    { location: LOCATION, checkedAtEpochMs: NOON_EPOCH_MS, images: 1, expiries: 1, unknown: 0 },
    [
      {
        ...{ digest, location: LOCATION, use: 'running', running: 1, workloads: ['ecs-service a/b/c/web'] },
        expiryState: {
          state: 'expires',
          expiry: { rule: 2, action: 'expire', when: { by: 'age', expiresAtEpochMs: NOON_EPOCH_MS } },
        },
        foundAtEpochMs: NOON_EPOCH_MS,
      },
    ],
  );
  await new DynamoLateHeads(table).add({ location: LOCATION, atEpochMs: NOON_EPOCH_MS });
  const nightly = {
    schedule: 'batch/nightly',
    modifiedAtEpochMs: NOON_EPOCH_MS,
    cluster: 'prod',
    taskDefinition: 'nightly',
  };
  await new DynamoScheduleLedger(table).record({ account: '111122223333', region: 'eu-west-1' }, [nightly]);
  const old = { account: '111122223333', region: 'eu-west-1', cluster: 'prod', service: 'old' };
  await new DynamoServiceAtZeroLedger(table).change(old, () => ({ ...old, sinceEpochMs: NOON_EPOCH_MS }));
  const place = { account: '111122223333', region: 'eu-west-1', cluster: 'prod', namespace: 'shop' };
  await new DynamoRunningLedger(table).record([
    { digest, place, presence: { beganAtEpochMs: NOON_EPOCH_MS, standing: 'good', countsFromEpochMs: NOON_EPOCH_MS } },
  ]);
  await new DynamoBreakGlassLedger(table).begin(
    place,
    { author: 'Ada', reason: 'an incident', expiresAtEpochMs: NOON_EPOCH_MS + HOUR_MS },
    { uid: 'sample-request', user: 'ada', atEpochMs: NOON_EPOCH_MS },
  );
  await new DynamoAskedWebhooks(table).record(place, 'signed', NOON_EPOCH_MS);
  await new DynamoDenialLedger(table).replace([
    {
      ...{ place, digest, owner: 'shop', workloads: ['eks-deployment shop/web'], workloadCount: 1 },
      ...{ ruleId: 'age-limit', message: 'Deploy a newer image before.' },
      ...{ deniedFromEpochMs: NOON_EPOCH_MS + HOUR_MS, foundAtEpochMs: NOON_EPOCH_MS },
    },
  ]);
  await new DynamoStartDenials(table).record(startDenialOf());
  await new DynamoStartDenials(table).recordTask(deniedTaskOf(), NOON_EPOCH_MS);
  const stops = new DynamoTaskStops(table);
  const stop = { ...place, taskArn: 'arn:aws:ecs:eu-west-1:111122223333:task/prod/1', deniedAtEpochMs: NOON_EPOCH_MS };
  await stops.add(stop);
  await usages.leave([usage('sample', { digest, workload: 'left' })], NOON_EPOCH_MS);
  await usages.end([usage('sample', { digest, workload: 'ended' })], NOON_EPOCH_MS);
  await runs.abandon('sample-run', { error: 'States.Timeout', detail: 'too long', atEpochMs: NOON_EPOCH_MS });
  await runs.begin(review('sample-running', { state: 'running' }));
  return [...memory.items.values()] as unknown as readonly Item[];
}
