import { AccountClient } from '@aws-sdk/client-account';
import { CodePipelineClient } from '@aws-sdk/client-codepipeline';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { ECRClient } from '@aws-sdk/client-ecr';
import { ECSClient } from '@aws-sdk/client-ecs';
import { EKSClient } from '@aws-sdk/client-eks';
import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { Inspector2Client } from '@aws-sdk/client-inspector2';
import { LambdaClient } from '@aws-sdk/client-lambda';
import { OrganizationsClient } from '@aws-sdk/client-organizations';
import { S3Client } from '@aws-sdk/client-s3';
import { SchedulerClient } from '@aws-sdk/client-scheduler';
import { SFNClient } from '@aws-sdk/client-sfn';
import { SQSClient } from '@aws-sdk/client-sqs';
import { fromNodeProviderChain, fromTemporaryCredentials } from '@aws-sdk/credential-providers';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { AccountNotOursError, LedgerMissingError } from '../ports/errors.ts';
import { instrumented } from './instrumentation.ts';
import { isNamed } from './refusal.ts';

/*
 * The only place where SDK clients are made. Each kind is a function of its own, so that a bundle holds only the
 * clients it names.
 */

/**
 * Fleet-wide reads run into request buckets that other tools of the same account drain too: eight attempts with full
 * jitter outlast an empty bucket (about 20 seconds), where the default of three gives up within one. Not `adaptive`:
 * its client-side rate limit stays low for minutes after a few throttled calls, and made a review of a small fleet with
 * one call in ten throttled three times as long. The calls without a published rate, those to the scanner, have a pace
 * of their own.
 */
const RETRIES = { retryMode: 'standard', maxAttempts: 8 } as const;

/** Settings for a caller outside Lambda; in Lambda everything comes from the environment. */
export interface HubConfig {
  readonly endpoint?: string;
  readonly region?: string;
  readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string };
}

/** For the ledger, an absent attribute equals an `undefined` one, and a table that is gone has a name. */
function ofLedger(client: DynamoDBClient): DynamoDBDocumentClient {
  client.middlewareStack.add(
    (next) => async (args) => {
      try {
        return await next(args);
      } catch (error) {
        if (!isNamed(error, 'ResourceNotFoundException')) throw error;
        throw new LedgerMissingError(tableIn(args.input), error);
      }
    },
    { step: 'initialize', name: 'nameMissingLedger' },
  );
  return DynamoDBDocumentClient.from(instrumented(client), { marshallOptions: { removeUndefinedValues: true } });
}

function tableIn(input: object): string {
  if ('TableName' in input) return String(input.TableName);
  return 'RequestItems' in input ? Object.keys(input.RequestItems ?? {}).join() : '';
}

export const ledgerClient = (config: HubConfig = {}): DynamoDBDocumentClient =>
  ofLedger(new DynamoDBClient({ ...RETRIES, ...config }));
export const bucketClient = (config: HubConfig = {}): S3Client => instrumented(new S3Client({ ...RETRIES, ...config }));
export const busClient = (config: HubConfig = {}): EventBridgeClient =>
  instrumented(new EventBridgeClient({ ...RETRIES, ...config }));
export const queueClient = (config: HubConfig = {}): SQSClient =>
  instrumented(new SQSClient({ ...RETRIES, ...config }));
export const machineClient = (config: HubConfig = {}): SFNClient =>
  instrumented(new SFNClient({ ...RETRIES, ...config }));
export const organizationsClient = (config: HubConfig = {}): OrganizationsClient =>
  instrumented(new OrganizationsClient({ ...RETRIES, ...config }));

/**
 * For a caller that waits for an answer within seconds: a call that hangs is made once more, on another connection. A
 * timeout of requests alone would only be logged.
 */
const PROMPT = {
  ...{ retryMode: 'standard', maxAttempts: 3 },
  requestHandler: { connectionTimeout: 500, requestTimeout: 900, throwOnRequestTimeout: true },
} as const;

export const promptLedgerClient = (config: HubConfig = {}): DynamoDBDocumentClient =>
  ofLedger(new DynamoDBClient({ ...PROMPT, ...config }));
export const promptBucketClient = (config: HubConfig = {}): S3Client =>
  instrumented(new S3Client({ ...PROMPT, ...config }));

export const promptQueueClient = (config: HubConfig = {}): SQSClient =>
  instrumented(new SQSClient({ ...PROMPT, ...config }));

/**
 * The client of a function in a VPC, with its own role. Without a route to EKS each attempt would wait for minutes, and the
 * caller waits for the function.
 */
export const ownEksClient = (): EKSClient =>
  instrumented(
    new EKSClient({
      ...{ retryMode: 'standard', maxAttempts: 3 },
      requestHandler: { connectionTimeout: 3_000, requestTimeout: 10_000, throwOnRequestTimeout: true },
    }),
  );

/** A call that hangs must leave the gate the time to answer: without its answer ECS takes the deployment back. */
const withinMs = (requestTimeout: number) => ({
  requestHandler: { connectionTimeout: 2_000, requestTimeout, throwOnRequestTimeout: true },
});

/** The client of a function that reads ECS in its own account, with its own role. */
export const ownEcsClient = (): ECSClient =>
  instrumented(new ECSClient({ retryMode: 'standard', maxAttempts: 4, ...withinMs(5_000) }));

/** Calls a function of the hub, in the hub's Region, with a role of the hub. Who calls repeats a failed call. */
export const hubFunctionClient = (roleArn: string, region: string): LambdaClient =>
  instrumented(
    new LambdaClient({
      ...{ region, retryMode: 'standard', maxAttempts: 1, ...withinMs(20_000) },
      credentials: fromTemporaryCredentials({
        params: { RoleArn: roleArn, RoleSessionName: 'patchwave-ecs-gate' },
        clientConfig: { region, retryMode: 'standard', maxAttempts: 2, ...withinMs(5_000) },
      }),
    }),
  );

/** A role in every member account, to read, to build or to roll out. All use the same external id. */
export interface MemberRole {
  /** The partition of the hub's Region: `aws`, `aws-us-gov`, ... */
  readonly partition: string;
  readonly roleName: string;
  readonly externalId: string;
  /** The caller in the member's CloudTrail: the function's name. */
  readonly sessionName: string;
  readonly hub?: HubConfig;
}

/** Credentials of one role in any account, assumed once per account and kept until shortly before they expire. */
export interface MemberAccess {
  readonly hub: HubConfig;
  readonly roleName: string;
  credentials(account: string): Credentials;
}

type Credentials = ReturnType<typeof fromTemporaryCredentials>;
const RENEW_BEFORE_END_MS = 5 * 60_000;

/**
 * @param isOurs whether Patchwave may assume roles of an account. This is the only check before every call to another
 * account: no other account ever sees the external id.
 */
export function memberAccess(role: MemberRole, isOurs: (account: string) => Promise<boolean>): MemberAccess {
  const hub = role.hub ?? {};
  const guarded = (account: string): Credentials => {
    const take = assumed(role, hub, account);
    return async () => {
      if (!(await isOurs(account))) throw new AccountNotOursError(account);
      return take();
    };
  };
  return { hub, roleName: role.roleName, credentials: memoise((account) => kept(guarded(account))) };
}

/**
 * The credentials of a person: their own in their own account, and a role that they may assume in others. Without a role
 * only their own account is read.
 */
export function callersAccess(hub: HubConfig, own: string, others?: MemberAccess): MemberAccess {
  const { credentials } = hub;
  const provider: Credentials = credentials ? async () => credentials : fromNodeProviderChain();
  return {
    hub,
    roleName: others?.roleName ?? '',
    credentials: (account) => {
      if (account === own) return provider;
      if (others) return others.credentials(account);
      throw new AccountNotOursError(account);
    },
  };
}

function assumed(role: MemberRole, hub: HubConfig, account: string): Credentials {
  return fromTemporaryCredentials({
    params: {
      RoleArn: `arn:${role.partition}:iam::${account}:role/${role.roleName}`,
      ExternalId: role.externalId,
      RoleSessionName: role.sessionName.replace(/[^\w+=,.@-]/g, '-').slice(0, 64),
    },
    clientConfig: { ...RETRIES, ...hub },
  });
}

/**
 * One call for all clients of an account, which otherwise would each have their own credentials. Called without the
 * client's own config, so that STS is called in the hub's Region: the member's Region may not be enabled in the hub.
 */
function kept(provider: Credentials): Credentials {
  let asked: ReturnType<Credentials> | undefined;
  let lapsesAtEpochMs = 0;
  const ask = async () => {
    const identity = await provider();
    lapsesAtEpochMs = identity.expiration?.getTime() ?? 0;
    return identity;
  };
  return () => {
    if (asked && Date.now() < lapsesAtEpochMs - RENEW_BEFORE_END_MS) return asked;
    lapsesAtEpochMs = Number.POSITIVE_INFINITY;
    asked = ask().catch((error: unknown) => {
      asked = undefined;
      throw error;
    });
    return asked;
  };
}

/** One client for each account and Region. */
export type RegionalClients<Client> = (place: { readonly account: string; readonly region: string }) => Client;

const regional = <Client extends object>(
  access: MemberAccess,
  make: (config: object) => Client,
): RegionalClients<Client> => {
  const client = memoise((key: string) => {
    const [account = '', region = ''] = key.split('/');
    return instrumented(make({ ...RETRIES, ...access.hub, region, credentials: access.credentials(account) }));
  });
  return ({ account, region }) => client(`${account}/${region}`);
};

export const ecsClients = (access: MemberAccess): RegionalClients<ECSClient> =>
  regional(access, (config) => new ECSClient(config));
export const eksClients = (access: MemberAccess): RegionalClients<EKSClient> =>
  regional(access, (config) => new EKSClient(config));
export const functionClients = (access: MemberAccess): RegionalClients<LambdaClient> =>
  regional(access, (config) => new LambdaClient(config));
export const ecrClients = (access: MemberAccess): RegionalClients<ECRClient> =>
  regional(access, (config) => new ECRClient(config));
export const inspectorClients = (access: MemberAccess): RegionalClients<Inspector2Client> =>
  regional(access, (config) => new Inspector2Client(config));
export const pipelineClients = (access: MemberAccess): RegionalClients<CodePipelineClient> =>
  regional(access, (config) => new CodePipelineClient(config));
export const eventClients = (access: MemberAccess): RegionalClients<EventBridgeClient> =>
  regional(access, (config) => new EventBridgeClient(config));
export const schedulerClients = (access: MemberAccess): RegionalClients<SchedulerClient> =>
  regional(access, (config) => new SchedulerClient(config));

/** Account management is one endpoint for a whole partition, so there is one client for each account. */
export const accountClients = (access: MemberAccess): ((account: string) => AccountClient) =>
  memoise((account) =>
    instrumented(new AccountClient({ ...RETRIES, ...access.hub, credentials: access.credentials(account) })),
  );

function memoise<Value>(make: (key: string) => Value): (key: string) => Value {
  const made = new Map<string, Value>();
  return (key) => {
    const value = made.get(key) ?? make(key);
    made.set(key, value);
    return value;
  };
}
