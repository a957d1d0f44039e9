import { bucketClient, ledgerClient, machineClient, memberAccess } from '../../shared/adapters/clients.ts';
import { DynamoImages } from '../../shared/adapters/dynamodb/images/image-ledger.ts';
import { DynamoPolicies } from '../../shared/adapters/dynamodb/policy/policies.ts';
import { DynamoImagesOfStreams } from '../../shared/adapters/dynamodb/streams/stream-images.ts';
import { DynamoStreams } from '../../shared/adapters/dynamodb/streams/stream-ledger.ts';
import { LedgerTable } from '../../shared/adapters/dynamodb/table/table.ts';
import { Runners } from '../../shared/adapters/runners.ts';
import { SfnExecutions } from '../../shared/adapters/sfn-executions.ts';
import { SfnWaitingStep } from '../../shared/adapters/sfn-waiting-step.ts';
import { loadEnv } from '../../shared/lambda/env.ts';
import { knownAccountsIn } from '../../shared/lambda/known-accounts.ts';
import { actingLedgers } from '../../shared/lambda/ledgers.ts';
import { memberRole } from '../../shared/lambda/member-role.ts';
import { lambdaFunction } from '../../shared/lambda/stack.ts';
import { environment } from './env.ts';
import { rebuildDispatchSteps } from './input.ts';
import { type DispatchServices, route } from './route.ts';

function compose(): DispatchServices {
  const env = loadEnv(environment);
  const table = new LedgerTable(ledgerClient(), env.LEDGER_TABLE);
  const machines = machineClient();
  const policies = new DynamoPolicies(table, bucketClient(), env.EVIDENCE_BUCKET);
  const role = memberRole(env, 'rebuild-dispatch');
  const acting = actingLedgers(table);
  // While the policy is unreadable, a running build is still polled in any account.
  const access = memberAccess(role(env.ACT_BUILD_ROLE_NAME), knownAccountsIn(table, policies, acting));
  const ports = {
    ...acting,
    streams: new DynamoStreams(table),
    images: new DynamoImages(table),
    streamImages: new DynamoImagesOfStreams(table),
    policies,
    runner: new Runners(access),
    executions: new SfnExecutions(machines, env.CASCADE_MACHINE_ARN),
    waitingStep: new SfnWaitingStep(machines),
    clock: Date.now,
  };
  return { ports, limits: { pollSeconds: env.POLL_SECONDS, recheckAfterSeconds: env.BUILD_POLL_SECONDS } };
}

/** Runs the steps of one rebuild: reserve, start, poll, settle. */
export const rebuildDispatch = (services: () => DispatchServices) =>
  lambdaFunction({ input: rebuildDispatchSteps, compose: services, handle: route });

export const handler = rebuildDispatch(compose);
