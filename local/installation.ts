/** A whole Patchwave in the embedded cloud: a fleet, the deployed stacks, a policy in force, and reviews of it. */

import { setTimeout as sleep } from 'node:timers/promises';
import { CreateKeyCommand, KMSClient } from '@aws-sdk/client-kms';
import { DescribeExecutionCommand, SFNClient } from '@aws-sdk/client-sfn';
import type { CliContext } from '../cli/command.ts';
import { contextOf } from '../cli/context.ts';
import { buildFunctions } from '../scripts/bundle.ts';
import { partitionOf } from '../shared/domain/image/partitions.ts';
import { type Mode, type Policy, policySchema } from '../shared/domain/policy/policy.ts';
import { parse } from '../shared/schema.ts';
import { type Cloud, startCloud } from './cloud.ts';
import { type DeployTarget, deploy, deployMembers, type StackDeployment } from './deploy.ts';
import { policyAt } from './fleet/policy.ts';
import type { Fleet } from './fleet/schema.ts';
import { type SeededFleet, type SeedProgress, seedFleet } from './fleet/seed.ts';
import { startBuilder } from './pipelines/start.ts';

/** Waiting that suits a cloud in which a scan takes a moment: the template's own defaults suit AWS. */
const QUICK = { ScanPollSeconds: '1', ScanWaitMinutes: '1', CatchUpMinutes: '0' } as const;
const POLL_MS = 200;

export interface InstallOptions {
  readonly mode?: Mode;
  /** Parameters of template.yaml in the place of those that suit the embedded cloud. */
  readonly parameters?: Readonly<Record<string, string>>;
  /** The policy of a key of the hub's account that the stack gets as `KmsKeyArn`; left out: the stack has no key of its own. */
  readonly keyPolicy?: string;
  /** `false`: no account lists anything for Patchwave to act on, so no role for it is there. */
  readonly acts?: boolean;
  /** Makes more than the fleet file says before Patchwave is deployed, with a builder at work; gives the pipelines to list. */
  readonly prepare?: (cloud: Cloud) => Promise<NonNullable<DeployTarget['pipelines']>>;
  /** Whether to bundle the functions first; left out: `dist/` holds them already. */
  readonly build?: boolean;
  /** Starts the builder of the fleet's pipelines; left out: that of `local/pipelines`, in a process of its own. */
  readonly startBuilder?: typeof startBuilder;
  /** Restored behaviours to leave out. */
  readonly without?: readonly string[];
  /** The cloud takes requests. */
  readonly onCloud?: (cloud: Cloud) => void;
  readonly onStep?: (step: 'build' | 'cloud' | 'fleet' | 'deploy' | 'policy') => void;
  readonly onProgress?: (progress: SeedProgress) => void;
}

export interface Execution {
  readonly arn: string;
  readonly status: string;
  readonly output?: unknown;
  readonly error?: string;
  readonly cause?: string;
}

export interface Installation {
  readonly cloud: Cloud;
  readonly fleet: Fleet;
  readonly seeded: SeededFleet;
  readonly deployment: StackDeployment;
  readonly policy: Policy;
  readonly context: CliContext;
  /** Starts a review as a person in the console does, and waits for its end. */
  review(input?: Readonly<Record<string, unknown>>): Promise<Execution>;
  /** Deploys the member's template in an account of the fleet that went without. */
  admit(account: string): Promise<void>;
  stop(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Starts, seeds, deploys and applies the fleet's policy; what was started is stopped again if a step fails. */
export async function install(fleet: Fleet, options: InstallOptions = {}): Promise<Installation> {
  if (options.build === true) {
    options.onStep?.('build');
    await buildFunctions();
  }
  options.onStep?.('cloud');
  const cloud = await startCloud({
    hubAccount: fleet.hub.account,
    partition: partitionOf(fleet.hub.region).name,
    without: options.without ?? [],
  });
  options.onCloud?.(cloud);
  try {
    return await installInto(cloud, fleet, options);
  } catch (error) {
    await cloud.stop();
    throw error;
  }
}

async function installInto(cloud: Cloud, fleet: Fleet, options: InstallOptions): Promise<Installation> {
  const { onStep, onProgress, mode, keyPolicy, prepare } = options;
  onStep?.('fleet');
  const seeded = await seedFleet(cloud, fleet, { ...(onProgress && { onProgress }) });
  const start = options.startBuilder ?? startBuilder;
  const builder = fleet.pipelines.length > 0 || prepare ? start(cloud.endpoint) : undefined;
  const pipelines = [...fleet.pipelines, ...((await prepare?.(cloud)) ?? [])];
  onStep?.('deploy');
  const target = { ...fleet, pipelines: options.acts === false ? [] : pipelines };
  const config = cloud.clients(fleet.hub.account, fleet.hub.region);
  const parameters = {
    ...options.parameters,
    ...(keyPolicy !== undefined && { KmsKeyArn: await makeKey(config, keyPolicy) }),
  };
  const deployment = await deploy(cloud, target, { parameters: { ...QUICK, ...parameters } });
  const context = contextOf(deployment, config);
  onStep?.('policy');
  const policy = parse(policySchema, { ...policyAt(fleet, seeded.nowEpochMs), ...(mode && { mode }) });
  await context.policies.publish(policy, { author: 'local', atEpochMs: Date.now() });
  const stop = async () => {
    await cloud.stop();
    await builder?.ended();
    await seeded.kubernetes?.ended();
  };
  return {
    cloud,
    fleet,
    seeded,
    deployment,
    policy,
    context,
    review: (input = {}) => reviewWith(context, config, input),
    admit: async (account) => {
      const accounts = fleet.accounts.filter(({ id }) => id === account);
      await deployMembers(cloud, { ...target, accounts }, deployment, { parameters });
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

/** @returns the ARN of the key */
async function makeKey(config: ConstructorParameters<typeof KMSClient>[0], Policy: string): Promise<string> {
  const { KeyMetadata } = await new KMSClient(config ?? {}).send(new CreateKeyCommand({ Policy }));
  if (KeyMetadata?.Arn === undefined) throw new Error('KMS made a key without an ARN');
  return KeyMetadata.Arn;
}

/** Starts a review of an installation as a person in the console does, and waits for its end. */
export const reviewWith = async (
  context: Pick<CliContext, 'reviews'>,
  config: ConstructorParameters<typeof SFNClient>[0],
  input: Readonly<Record<string, unknown>> = {},
): Promise<Execution> => executionEnd(new SFNClient(config ?? {}), (await context.reviews.start(input)).executionArn);

async function executionEnd(client: SFNClient, executionArn: string): Promise<Execution> {
  for (;;) {
    const {
      status = 'RUNNING',
      output,
      error,
      cause,
    } = await client.send(new DescribeExecutionCommand({ executionArn }));
    if (status !== 'RUNNING') {
      return {
        arn: executionArn,
        status,
        ...(output !== undefined && { output: JSON.parse(output) as unknown }),
        ...(error !== undefined && { error }),
        ...(cause !== undefined && { cause }),
      };
    }
    await sleep(POLL_MS);
  }
}
