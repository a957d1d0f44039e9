import { randomUUID } from 'node:crypto';
import { bucketClient, ecrClients, ledgerClient, memberAccess } from '../../shared/adapters/clients.ts';
import { DynamoUsageLedger } from '../../shared/adapters/dynamodb/images/usage-ledger.ts';
import { DynamoPolicies } from '../../shared/adapters/dynamodb/policy/policies.ts';
import { DynamoRunLedger } from '../../shared/adapters/dynamodb/reviews/run-ledger.ts';
import { DynamoScopeLedger } from '../../shared/adapters/dynamodb/reviews/scope-ledger.ts';
import { DynamoServicesAtZero } from '../../shared/adapters/dynamodb/reviews/service-at-zero-ledger.ts';
import { LedgerTable } from '../../shared/adapters/dynamodb/table/table.ts';
import { EcrManifests } from '../../shared/adapters/ecr-manifests.ts';
import { memberDeployers } from '../../shared/adapters/member-deployers.ts';
import { S3Evidence } from '../../shared/adapters/s3-evidence.ts';
import { S3RunFiles } from '../../shared/adapters/s3-run-files.ts';
import { loadEnv } from '../../shared/lambda/env.ts';
import { knownAccountsIn } from '../../shared/lambda/known-accounts.ts';
import { actingLedgers, imageLedgers } from '../../shared/lambda/ledgers.ts';
import { memberRole } from '../../shared/lambda/member-role.ts';
import { lambdaFunction } from '../../shared/lambda/stack.ts';
import { environment } from './env.ts';
import { rolloutSteps } from './input.ts';
import { type RolloutServices, route } from './route.ts';

function compose(): RolloutServices {
  const env = loadEnv(environment);
  const table = new LedgerTable(ledgerClient(), env.LEDGER_TABLE);
  const s3 = bucketClient();
  const role = memberRole(env, 'rollout');
  const policies = new DynamoPolicies(table, s3, env.EVIDENCE_BUCKET);
  const isOurs = knownAccountsIn(table, policies);
  const ports = {
    ...actingLedgers(table),
    ...imageLedgers(table),
    usages: new DynamoUsageLedger(table),
    runs: new DynamoRunLedger(table),
    scopes: new DynamoScopeLedger(table),
    servicesAtZero: new DynamoServicesAtZero(table),
    policies,
    files: new S3RunFiles(s3, env.RUN_BUCKET),
    evidence: new S3Evidence(s3, env.EVIDENCE_BUCKET),
    registry: new EcrManifests(ecrClients(memberAccess(role(env.READ_ROLE_NAME), isOurs))),
    deployer: memberDeployers(memberAccess(role(env.ACT_ROLLOUT_ROLE_NAME), isOurs)),
    targets: { eks: env.ROLLOUT_TO_EKS },
    clock: Date.now,
    ids: randomUUID,
  };
  return { ports, limits: { pollSeconds: env.POLL_SECONDS } };
}

/** Deploys verified images, and proves that the replaced ones no longer run. */
export const rollout = (services: () => RolloutServices) =>
  lambdaFunction({ input: rolloutSteps, compose: services, handle: route });

export const handler = rollout(compose);
