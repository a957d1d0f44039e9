import { bucketClient, ledgerClient, machineClient, memberAccess, queueClient } from '../../shared/adapters/clients.ts';
import { DynamoPolicies } from '../../shared/adapters/dynamodb/policy/policies.ts';
import { DynamoLockLedger } from '../../shared/adapters/dynamodb/rebuilds/lock-ledger.ts';
import { DynamoRebuildLedger } from '../../shared/adapters/dynamodb/rebuilds/rebuild-ledger.ts';
import { LedgerTable } from '../../shared/adapters/dynamodb/table/table.ts';
import { Runners } from '../../shared/adapters/runners.ts';
import { SfnWaitingStep } from '../../shared/adapters/sfn-waiting-step.ts';
import { SqsDeadLetters } from '../../shared/adapters/sqs-dead-letters.ts';
import { SqsMessages } from '../../shared/adapters/sqs-messages.ts';
import { loadEnv } from '../../shared/lambda/env.ts';
import { knownAccountsIn } from '../../shared/lambda/known-accounts.ts';
import { memberRole } from '../../shared/lambda/member-role.ts';
import { queueRedelivery } from '../../shared/lambda/queue-redelivery.ts';
import { lambdaFunction } from '../../shared/lambda/stack.ts';
import type { BuildEventPorts } from './build-events.ts';
import { environment } from './env.ts';
import { buildResultInput } from './input.ts';
import { route } from './route.ts';

function compose(): BuildEventPorts {
  const env = loadEnv(environment);
  const table = new LedgerTable(ledgerClient(), env.LEDGER_TABLE);
  const policies = new DynamoPolicies(table, bucketClient(), env.EVIDENCE_BUCKET);
  const role = memberRole(env, 'build-result');
  const builds = { rebuilds: new DynamoRebuildLedger(table), locks: new DynamoLockLedger(table) };
  const access = memberAccess(role(env.ACT_BUILD_ROLE_NAME), knownAccountsIn(table, policies, builds));
  const sqs = queueClient();
  return {
    ...builds,
    runner: new Runners(access),
    waitingStep: new SfnWaitingStep(machineClient()),
    planner: new SqsMessages(sqs, env.PLAN_QUEUE_URL),
    deadLetters: new SqsDeadLetters(sqs, env.DEAD_LETTER_QUEUE_URL),
    clock: Date.now,
  };
}

/** Records the ends of builds that pipelines report, and answers the waiting step. */
export const buildResult = (services: () => BuildEventPorts) =>
  lambdaFunction({ input: buildResultInput, compose: services, redelivery: queueRedelivery, handle: route });

export const handler = buildResult(compose);
