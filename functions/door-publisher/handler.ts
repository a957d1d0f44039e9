import { fullJitter } from '../../shared/adapters/backoff.ts';
import { bucketClient, eksClients, ledgerClient, memberAccess } from '../../shared/adapters/clients.ts';
import { DynamoImageIndex, DynamoRecordedIndexes } from '../../shared/adapters/dynamodb/images/image-index.ts';
import { DynamoImages } from '../../shared/adapters/dynamodb/images/image-ledger.ts';
import { DynamoPlaces } from '../../shared/adapters/dynamodb/images/place-ledger.ts';
import { DynamoRunningReads } from '../../shared/adapters/dynamodb/images/running-ledger.ts';
import { DynamoUsageLedger } from '../../shared/adapters/dynamodb/images/usage-ledger.ts';
import { DynamoPolicies } from '../../shared/adapters/dynamodb/policy/policies.ts';
import { DynamoScopeLedger } from '../../shared/adapters/dynamodb/reviews/scope-ledger.ts';
import { LedgerTable } from '../../shared/adapters/dynamodb/table/table.ts';
import { EksAllowedImages } from '../../shared/adapters/eks-allowed-images.ts';
import { loadEnv } from '../../shared/lambda/env.ts';
import { knownAccountsIn } from '../../shared/lambda/known-accounts.ts';
import { memberRole } from '../../shared/lambda/member-role.ts';
import { metrics } from '../../shared/lambda/metrics.ts';
import { lambdaFunction } from '../../shared/lambda/stack.ts';
import { environment } from './env.ts';
import { publicationMessages } from './input.ts';
import type { PublisherPorts } from './ports.ts';
import { type PublicationSettings, publish } from './publish.ts';

interface Services {
  readonly ports: PublisherPorts;
  readonly settings: PublicationSettings;
}

function compose(): Services {
  const env = loadEnv(environment);
  const table = new LedgerTable(ledgerClient(), env.LEDGER_TABLE);
  const policies = new DynamoPolicies(table, bucketClient(), env.EVIDENCE_BUCKET);
  const role = memberRole(env, 'door-publisher')(env.PUBLISH_ROLE_NAME);
  const access = memberAccess(role, knownAccountsIn(table, policies));
  return {
    ports: {
      ...{ images: new DynamoImages(table), places: new DynamoPlaces(table), policies },
      ...{ imageIndex: new DynamoImageIndex(table), recordedIndexes: new DynamoRecordedIndexes(table) },
      ...{ usages: new DynamoUsageLedger(table), running: new DynamoRunningReads(table) },
      scopes: new DynamoScopeLedger(table),
      lists: new EksAllowedImages({
        clients: eksClients(access),
        credentials: async (account) => access.credentials(account)(),
        clock: Date.now,
      }),
      clock: Date.now,
      retry: fullJitter({ attempts: 5, firstMs: 200 }),
    },
    settings: { patterns: env.CLUSTERS, listHours: env.LIST_HOURS },
  };
}

/** Keeps the lists of allowed images in EKS clusters up to date. Deployed by door-publisher.yaml. */
export const doorPublisher = (services: () => Services) =>
  lambdaFunction({
    input: publicationMessages,
    compose: services,
    metrics,
    handle: (_, { ports, settings }, context) => publish(ports, settings, () => context.getRemainingTimeInMillis()),
  });

export const handler = doorPublisher(compose);
