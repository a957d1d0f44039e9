import * as clients from '../../shared/adapters/clients.ts';
import { DynamoPolicies } from '../../shared/adapters/dynamodb/policy/policies.ts';
import { LedgerTable } from '../../shared/adapters/dynamodb/table/table.ts';
import { Runners } from '../../shared/adapters/runners.ts';
import { S3RunFiles } from '../../shared/adapters/s3-run-files.ts';
import { SfnExecutions } from '../../shared/adapters/sfn-executions.ts';
import { SqsDeadLetters } from '../../shared/adapters/sqs-dead-letters.ts';
import { SqsMessages } from '../../shared/adapters/sqs-messages.ts';
import { loadEnv } from '../../shared/lambda/env.ts';
import { knownAccountsIn } from '../../shared/lambda/known-accounts.ts';
import * as ledger from '../../shared/lambda/ledgers.ts';
import { actingLedgers } from '../../shared/lambda/ledgers.ts';
import { memberRole } from '../../shared/lambda/member-role.ts';
import { queueRedelivery } from '../../shared/lambda/queue-redelivery.ts';
import { lambdaFunction } from '../../shared/lambda/stack.ts';
import { environment } from './env.ts';
import { cascadeReaperInput } from './input.ts';
import { type ReaperServices, route } from './route.ts';

function compose(): ReaperServices {
  const env = loadEnv(environment);
  const table = new LedgerTable(clients.ledgerClient(), env.LEDGER_TABLE);
  const s3 = clients.bucketClient();
  const sqs = clients.queueClient();
  const policies = new DynamoPolicies(table, s3, env.EVIDENCE_BUCKET);
  const role = memberRole(env, 'cascade-reaper');
  const acting = actingLedgers(table);
  const builder = clients.memberAccess(role(env.ACT_BUILD_ROLE_NAME), knownAccountsIn(table, policies, acting));
  const files = new S3RunFiles(s3, env.RUN_BUCKET);
  const ledgers = ledger.ledgersOfRun(table, files, { runs: ledger.runs });
  return {
    ports: {
      ...acting,
      files,
      unreadable: table.unreadable,
      runsOf: (run) => ledgers(run).runs,
      policies,
      runner: new Runners(builder),
      executions: new SfnExecutions(clients.machineClient(), env.CASCADE_MACHINE_ARN),
      planner: new SqsMessages(sqs, env.PLAN_QUEUE_URL),
      deadLetters: new SqsDeadLetters(sqs, env.DEAD_LETTER_QUEUE_URL),
      clock: Date.now,
    },
    machines: { cascadeMachineArn: env.CASCADE_MACHINE_ARN, reviewMachineArn: env.FLEET_REVIEW_MACHINE_ARN },
  };
}

/** Opens the cascade of an execution that starts, and ends cascades whose execution is done or dead. */
export const cascadeReaper = (services: () => ReaperServices) =>
  lambdaFunction({ input: cascadeReaperInput, compose: services, redelivery: queueRedelivery, handle: route });

export const handler = cascadeReaper(compose);
