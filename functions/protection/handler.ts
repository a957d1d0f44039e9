import { bucketClient, ecrClients, ledgerClient, memberAccess } from '../../shared/adapters/clients.ts';
import { DynamoImages } from '../../shared/adapters/dynamodb/images/image-ledger.ts';
import { DynamoPlaces } from '../../shared/adapters/dynamodb/images/place-ledger.ts';
import { DynamoUsageLedger } from '../../shared/adapters/dynamodb/images/usage-ledger.ts';
import { DynamoPolicies } from '../../shared/adapters/dynamodb/policy/policies.ts';
import { DynamoSwitchLedger } from '../../shared/adapters/dynamodb/policy/switch-ledger.ts';
import { DynamoExpiryLedger } from '../../shared/adapters/dynamodb/retention/expiry-ledger.ts';
import { DynamoScopeLedger } from '../../shared/adapters/dynamodb/reviews/scope-ledger.ts';
import { LedgerTable } from '../../shared/adapters/dynamodb/table/table.ts';
import { EcrLifecycles } from '../../shared/adapters/ecr-lifecycles.ts';
import { EcrManifests } from '../../shared/adapters/ecr-manifests.ts';
import { EcrProtectingTags } from '../../shared/adapters/ecr-protecting-tags.ts';
import { DAY_MS } from '../../shared/domain/common/time.ts';
import { loadEnv } from '../../shared/lambda/env.ts';
import { knownAccountsIn } from '../../shared/lambda/known-accounts.ts';
import { memberRole } from '../../shared/lambda/member-role.ts';
import { lambdaFunction } from '../../shared/lambda/stack.ts';
import { environment } from './env.ts';
import { protectionInput } from './input.ts';
import { type ProtectionServices, route } from './route.ts';

function compose(): ProtectionServices {
  const env = loadEnv(environment);
  const table = new LedgerTable(ledgerClient(), env.LEDGER_TABLE);
  const role = memberRole(env, 'protection');
  const policies = new DynamoPolicies(table, bucketClient(), env.EVIDENCE_BUCKET);
  const isOurs = knownAccountsIn(table, policies);
  const ecr = ecrClients(memberAccess(role(env.READ_ROLE_NAME), isOurs));
  const tagging = ecrClients(memberAccess(role(env.ACT_PROTECT_ROLE_NAME), isOurs));
  const ports = {
    scopes: new DynamoScopeLedger(table),
    usages: new DynamoUsageLedger(table),
    images: new DynamoImages(table),
    places: new DynamoPlaces(table),
    expiries: new DynamoExpiryLedger(table),
    policies,
    lifecycles: new EcrLifecycles(ecr),
    registry: new EcrManifests(ecr),
    killSwitch: new DynamoSwitchLedger(table),
    tags: new EcrProtectingTags(tagging),
    clock: Date.now,
  };
  return { ports, horizonMs: env.EXPIRY_HORIZON_DAYS * DAY_MS };
}

/** Forecasts once a day what registry lifecycle policies do to images in use. */
export const protection = (services: () => ProtectionServices) =>
  lambdaFunction({ input: protectionInput, compose: services, handle: route });

export const handler = protection(compose);
