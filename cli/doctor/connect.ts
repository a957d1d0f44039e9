import { randomUUID } from 'node:crypto';
import { CloudFormationClient } from '@aws-sdk/client-cloudformation';
import { CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { KMSClient } from '@aws-sdk/client-kms';
import { LambdaClient } from '@aws-sdk/client-lambda';
import { SNSClient } from '@aws-sdk/client-sns';
import {
  bucketClient,
  busClient,
  type HubConfig,
  ledgerClient,
  machineClient,
  queueClient,
} from '../../shared/adapters/clients.ts';
import { DynamoAskedWebhooks } from '../../shared/adapters/dynamodb/policy/asked-webhooks.ts';
import { DynamoPolicyStore } from '../../shared/adapters/dynamodb/policy/policies.ts';
import { DynamoRunLedger } from '../../shared/adapters/dynamodb/reviews/run-ledger.ts';
import { DynamoScopeLedger } from '../../shared/adapters/dynamodb/reviews/scope-ledger.ts';
import { LedgerTable } from '../../shared/adapters/dynamodb/table/table.ts';
import { knownAccounts } from '../../shared/review/our-accounts.ts';
import { VERSION } from '../version.ts';
import { AwsDoors } from './aws-doors.ts';
import { AwsHub, type HubClients } from './aws-hub.ts';
import { AwsMembers } from './aws-members.ts';
import type { DoctorPorts } from './ports.ts';

export const hubClients = (config: HubConfig): HubClients => ({
  cloudFormation: new CloudFormationClient(config),
  cloudWatch: new CloudWatchClient(config),
  dynamo: new DynamoDBClient(config),
  events: busClient(config),
  kms: new KMSClient(config),
  lambda: new LambdaClient(config),
  sfn: machineClient(config),
  sns: new SNSClient(config),
  sqs: queueClient(config),
});

/**
 * Connects to the installation of a stack with the configured credentials.
 * @param config the hub's location; defaults come from the environment
 */
export function doctorPorts(stackName: string, config: HubConfig): DoctorPorts {
  const clock = Date.now;
  return {
    stackName,
    version: VERSION,
    hub: new AwsHub(stackName, hubClients(config), clock),
    doors: new AwsDoors((region) => hubClients({ ...config, region }), clock),
    ledger: ({ LedgerTable: name = '', EvidenceBucket: bucket = '' }) => {
      const table = new LedgerTable(ledgerClient(config), name);
      return {
        runs: new DynamoRunLedger(table),
        policies: new DynamoPolicyStore(table, bucketClient(config), bucket),
        scopes: new DynamoScopeLedger(table),
        webhooks: new DynamoAskedWebhooks(table),
      };
    },
    members: (stack, { policies, scopes }) => new AwsMembers(config, stack, knownAccounts({ policies, scopes, clock })),
    clock,
    draw: randomUUID,
  };
}
