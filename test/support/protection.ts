/** Lifecycle policies in the embedded cloud, and looks at them. */

import { ECRClient, PutLifecyclePolicyCommand } from '@aws-sdk/client-ecr';
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { eventually } from '../../local/cloud/probe.ts';
import type { Installation } from '../../local/installation.ts';
import { type ImageLocation, locationKey } from '../../shared/domain/image/image.ts';
import type { RepositoryCheck } from '../../shared/domain/retention/image-expiry.ts';
import { type FleetExpiries, readExpiries } from '../../shared/review/read-expiries.ts';
import { hubOf } from './readings.ts';

const LIMIT_MS = 30_000;

export async function giveLifecycle(
  { cloud }: Installation,
  location: ImageLocation,
  rules: readonly object[],
): Promise<void> {
  const ecr = new ECRClient(cloud.clients(location.account, location.region));
  const lifecyclePolicyText = JSON.stringify({ rules });
  await ecr.send(new PutLifecyclePolicyCommand({ repositoryName: location.repository, lifecyclePolicyText }));
}

/** Invokes the look as its schedule does; done when each of these repositories was looked at since. */
export async function checkNow(
  installation: Installation,
  locations: readonly ImageLocation[],
): Promise<FleetExpiries> {
  const { context, deployment } = installation;
  const since = Date.now();
  const FunctionName = deployment.outputs.ProtectionFunctionName;
  const lambda = new LambdaClient(hubOf(installation));
  await lambda.send(new InvokeCommand({ FunctionName, Qualifier: 'live', InvocationType: 'Event' }));
  const isSeen = ({ checks }: FleetExpiries) =>
    locations.every((location) => (checkOf(checks, location)?.checkedAtEpochMs ?? 0) >= since);
  const check = async () => {
    const seen = await readExpiries(context.expiries);
    return isSeen(seen) ? seen : undefined;
  };
  return eventually(check, 'The look at lifecycle policies', LIMIT_MS);
}

/** A look by hand. @returns what the function answers, or the name of its error */
export async function invokeCheck(installation: Installation): Promise<unknown> {
  const { FunctionError, Payload: reply } = await new LambdaClient(hubOf(installation)).send(
    new InvokeCommand({ FunctionName: 'patchwave-protection' }),
  );
  const answer = JSON.parse(reply?.transformToString() ?? 'null') as { readonly errorType?: string };
  return FunctionError === undefined ? answer : answer.errorType;
}

export const checkOf = (checks: readonly RepositoryCheck[], location: ImageLocation): RepositoryCheck | undefined =>
  checks.find((check) => locationKey(check.location) === locationKey(location));
