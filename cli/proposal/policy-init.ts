import { access, constants, stat, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { callersAccess, type HubConfig, type MemberAccess, memberAccess } from '../../shared/adapters/clients.ts';
import { counted } from '../../shared/domain/common/counted.ts';
import { REGION_CODE } from '../../shared/domain/image/region.ts';
import { parsePolicy } from '../../shared/domain/policy/policy-document.ts';
import type { Arguments } from '../command.ts';
import { EXIT, UsageError } from '../errors.ts';
import { print, printJson, printProgress } from '../output.ts';
import { installationAt } from '../where.ts';
import { awsSources } from './aws-sources.ts';
import { isDecided } from './facts.ts';
import { type Proposal, propose } from './propose.ts';
import { readFacts } from './read-facts.ts';
import { proposedPolicy } from './render.ts';
import type { ProposalSources } from './sources.ts';

const SESSION = 'patchwave-policy-init';
const ACCOUNTS = /^\d{12}(,\d{12})*$/;
const REGIONS = new RegExp(`^${REGION_CODE}(,${REGION_CODE})*$`);

/** The caller, and what they read. */
export interface ProposalCaller {
  readonly account: string;
  readonly sources: ProposalSources;
}

/** Proposes a policy from what accounts run and build. Changes nothing in AWS. */
export async function policyInit(args: Arguments): Promise<number> {
  const { stack, region } = args.flags;
  const { config } = installationAt({ stack: textOf(stack), region: textOf(region) });
  return policyInitFor(args, config, (others) => callerOf(config, args, others));
}

/**
 * @param config the default Region
 * @param connect gives the caller, who may read these other accounts
 */
export async function policyInitFor(
  { flags, json }: Arguments,
  { region }: Pick<HubConfig, 'region'>,
  connect: (others: readonly string[]) => Promise<ProposalCaller>,
): Promise<number> {
  const regions = listOf(flags.regions ?? region, 'regions', REGIONS, 'codes of AWS Regions, such as eu-west-1');
  const others =
    flags.accounts === undefined ? [] : listOf(flags.accounts, 'accounts', ACCOUNTS, 'account ids of 12 digits');
  if (others.length > 0 !== (flags.role !== undefined))
    throw new UsageError(
      'Give --accounts and --role together: the role in each of these accounts that you may assume.',
    );
  const output = textOf(flags.output);
  // Reading accounts takes minutes.
  if (output !== undefined) await ensureWritable(output, flags.force === true);
  const { account, sources } = await connect(others);
  const accounts = [...new Set([account, ...others])];
  const places = accounts.flatMap((one) => regions.map((each) => ({ account: one, region: each })));
  const proposal = propose(await readFacts(sources, places, printProgress));
  const policy = proposedPolicy(
    proposal,
    accounts.map((one) => ({ account: one, regions })),
  );
  // Whatever was read, what is proposed can be applied.
  parsePolicy(policy);
  if (output !== undefined) await write(output, policy, flags.force === true);
  const counts = countsOf(proposal);
  const { open } = proposal;
  if (json) printJson({ ...counts, open, ...(output === undefined ? { policy } : { file: output }) });
  else if (output === undefined) print(policy.trimEnd());
  printProgress(
    `${counted(counts.rules, 'stream rule')} proposed, ${counts.certain} with a certain tier; ${counted(open.length, 'open question')}.`,
  );
  if (output !== undefined) {
    printProgress(`Wrote ${output}`);
    printProgress(`Next: patchwave policy validate ${output}`);
  }
  return EXIT.done;
}

const countsOf = ({ rules }: Proposal) => ({
  rules: rules.length,
  certain: rules.filter(({ tier }) => tier.certainty === 'certain').length,
  withParent: rules.filter(({ parent }) => isDecided(parent)).length,
  withPipeline: rules.filter(({ pipeline }) => isDecided(pipeline)).length,
});

const textOf = (flag: string | boolean | undefined): string | undefined =>
  typeof flag === 'string' ? flag : undefined;

function listOf(value: string | boolean | undefined, option: string, pattern: RegExp, form: string): readonly string[] {
  const text = textOf(value);
  if (text === undefined) throw new UsageError(`Give --${option}: ${form}.`);
  if (!pattern.test(text))
    throw new UsageError(`--${option} is "${text}"; it must be ${form}, with commas between them.`);
  return [...new Set(text.split(','))];
}

/** @throws UsageError for what is known before; the write itself may still fail */
async function ensureWritable(file: string, replaces: boolean): Promise<void> {
  const found = await stat(file).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw unwritable(file, error);
    return undefined;
  });
  if (found?.isDirectory()) throw new UsageError(`${file} is a folder. Name a file in it.`);
  if (found && !replaces) throw existing(file);
  await access(found ? file : dirname(file), constants.W_OK).catch((error) => {
    throw unwritable(file, error);
  });
}

const existing = (file: string): UsageError =>
  new UsageError(`${file} exists, and was not changed. Add --force to replace it.`);

const unwritable = (file: string, cause: NodeJS.ErrnoException): UsageError =>
  new UsageError(`${file} cannot be written (${cause.code}). Name a file in a folder that you may write to.`, {
    cause,
  });

async function write(file: string, policy: string, replaces: boolean): Promise<void> {
  try {
    await writeFile(file, policy, { flag: replaces ? 'w' : 'wx' });
  } catch (error) {
    const cause = error as NodeJS.ErrnoException;
    throw cause.code === 'EEXIST' ? existing(file) : unwritable(file, cause);
  }
}

async function callerOf(config: HubConfig, { flags }: Arguments, others: readonly string[]): Promise<ProposalCaller> {
  const { Account: account = '', Arn = '' } = await identityOf(config);
  const [, partition = 'aws'] = Arn.split(':');
  const role: MemberAccess | undefined =
    others.length === 0
      ? undefined
      : memberAccess(
          {
            ...{ partition, sessionName: SESSION, hub: config },
            roleName: textOf(flags.role) ?? '',
            // A role that asks for none ignores it.
            externalId: textOf(flags['external-id']) ?? SESSION,
          },
          async (one) => others.includes(one),
        );
  return { account, sources: awsSources(callersAccess(config, account, role), partition) };
}

async function identityOf(config: HubConfig) {
  try {
    return await new STSClient(config).send(new GetCallerIdentityCommand({}));
  } catch (cause) {
    throw new UsageError('Your account cannot be read from AWS. Sign in as for the AWS CLI.', { cause });
  }
}
