import { readFileSync } from 'node:fs';
import { CloudFormationClient } from '@aws-sdk/client-cloudformation';
import { CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import { bucketClient, type HubConfig, ledgerClient, queueClient } from '../../shared/adapters/clients.ts';
import { DynamoPolicyStore } from '../../shared/adapters/dynamodb/policy-store.ts';
import { DynamoRunLedger } from '../../shared/adapters/dynamodb/run-ledger.ts';
import { LedgerTable } from '../../shared/adapters/dynamodb/table.ts';
import { AwsHub } from './aws-hub.ts';
import type { DoctorPorts } from './ports.ts';

/** The version of the command, which is that of the project. */
export const commandVersion = (): string =>
  (JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string }).version;

/**
 * The installation of a stack, read with the credentials of the configuration.
 * @param config where the hub is; what is left out comes from the environment
 */
export function doctorPorts(stackName: string, config: HubConfig): DoctorPorts {
  const clients = {
    cloudFormation: new CloudFormationClient(config),
    cloudWatch: new CloudWatchClient(config),
    sqs: queueClient(config),
  };
  const clock = Date.now;
  return {
    stackName,
    version: commandVersion(),
    hub: new AwsHub(stackName, clients, clock),
    ledger: ({ LedgerTable: name = '', EvidenceBucket: bucket = '' }) => {
      const table = new LedgerTable(ledgerClient(config), name);
      return {
        runs: new DynamoRunLedger(table),
        policies: new DynamoPolicyStore(table, bucketClient(config), bucket),
      };
    },
    clock,
  };
}
