import { paint } from '../../cli/output.ts';
import { inVenv } from '../../scripts/setup.mjs';
import type { Installation } from '../installation.ts';
import type { Progress } from './progress.ts';
import type { DemoResult } from './result.ts';

const TITLE = 12;
/** Lines that are no commands. */
const NOTES: ReadonlySet<string> = new Set(['endpoint', 'cloud files']);

/** Leaves the cloud running and prints how to inspect and stop it. */
export function keepUp(
  { cloud, deployment, fleet }: Installation,
  progress: Progress,
): NonNullable<DemoResult['kept']> {
  const { endpoint, pid, stateDir } = cloud;
  const { account, region } = fleet.hub;
  const { ledgerTable, fleetReviewMachineArn } = deployment;
  const environment = `AWS_ENDPOINT_URL=${endpoint} AWS_ACCESS_KEY_ID=${account} AWS_SECRET_ACCESS_KEY=local AWS_REGION=${region} AWS_DEFAULT_REGION=${region}`;
  const lines = [
    [
      'endpoint',
      `${endpoint} (Region ${region}, hub account ${account}; each account id is an access key of its root user)`,
    ],
    ['set once', `export ${environment}`],
    // Version 1 of the AWS CLI ignores AWS_ENDPOINT_URL for SQS, so the endpoint is an option too.
    ['', `alias aws='${inVenv('cloud', 'aws')} --endpoint-url ${endpoint}'`],
    ['inspect', 'npm run patchwave -- status'],
    ['', `aws dynamodb scan --table-name ${ledgerTable} --max-items 5`],
    ['one function', 'npm run invoke -- FUNCTION FILE [--inspect]'],
    ['its logs', 'npm run logs -- FUNCTION [--follow]'],
    ['review again', `aws stepfunctions start-execution --state-machine-arn ${fleetReviewMachineArn} --input '{}'`],
    ['cloud files', `${stateDir} (removed when the cloud stops; after kill -9, when the next cloud starts)`],
    ['stop it', `kill ${pid}`],
  ] as const;
  progress.heading('The cloud keeps running');
  for (const [what, how] of lines) {
    const text = `  ${paint('dim', what.padEnd(TITLE))}  ${how}`;
    // A command that is broken over two lines cannot be copied.
    if (NOTES.has(what)) progress.text(text, TITLE + 4);
    else progress.line(text);
  }
  cloud.release();
  return { endpoint, region, hubAccount: account, ledgerTable, stateMachineArn: fleetReviewMachineArn, pid, stateDir };
}
