import { CloudFormationClient, DescribeStacksCommand } from '@aws-sdk/client-cloudformation';
import { GetObjectCommand, NoSuchKey, type S3Client } from '@aws-sdk/client-s3';
import { StartExecutionCommand } from '@aws-sdk/client-sfn';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { fullJitter } from '../shared/adapters/backoff.ts';
import { bucketClient, type HubConfig, ledgerClient, machineClient, queueClient } from '../shared/adapters/clients.ts';
import { DynamoFleetPlaces } from '../shared/adapters/dynamodb/images/fleet-places.ts';
import { DynamoImageIndex } from '../shared/adapters/dynamodb/images/image-index.ts';
import { dumpLineage } from '../shared/adapters/dynamodb/images/lineage-dump.ts';
import { DynamoRunningReads } from '../shared/adapters/dynamodb/images/running-ledger.ts';
import { DynamoUsageLedger } from '../shared/adapters/dynamodb/images/usage-ledger.ts';
import { DynamoAskedWebhooks } from '../shared/adapters/dynamodb/policy/asked-webhooks.ts';
import { DynamoBreakGlassLedger } from '../shared/adapters/dynamodb/policy/break-glass-ledger.ts';
import { DynamoDenials } from '../shared/adapters/dynamodb/policy/denial-ledger.ts';
import { DynamoPolicyStore } from '../shared/adapters/dynamodb/policy/policies.ts';
import { DynamoCascadeLedger } from '../shared/adapters/dynamodb/rebuilds/cascade-ledger.ts';
import { DynamoExpiries } from '../shared/adapters/dynamodb/retention/expiry-ledger.ts';
import { DynamoBaseReadingLedger } from '../shared/adapters/dynamodb/reviews/base-reading-ledger.ts';
import { DynamoRunLedger } from '../shared/adapters/dynamodb/reviews/run-ledger.ts';
import { DynamoScopeLedger } from '../shared/adapters/dynamodb/reviews/scope-ledger.ts';
import { DynamoServiceAtZeroLedger } from '../shared/adapters/dynamodb/reviews/service-at-zero-ledger.ts';
import { dumpLedger } from '../shared/adapters/dynamodb/table/dump.ts';
import { LedgerTable } from '../shared/adapters/dynamodb/table/table.ts';
import { S3Evidence } from '../shared/adapters/s3-evidence.ts';
import { S3RunFiles } from '../shared/adapters/s3-run-files.ts';
import { SfnExecutions } from '../shared/adapters/sfn-executions.ts';
import { SqsMessages } from '../shared/adapters/sqs-messages.ts';
import { runIdOf } from '../shared/domain/review/run-id.ts';
import { actingLedgers, imageLedgers } from '../shared/lambda/ledgers.ts';
import { previewReport } from '../shared/review/preview.ts';
import { CallersTags } from './check/callers-tags.ts';
import type { CliContext, Reviews } from './command.ts';
import { NotFoundError, StackUnreadableError } from './errors.ts';
import { installationAt, type Where } from './where.ts';

/** Locations of an installation: the outputs of its stack. */
export interface InstallationNames {
  readonly ledgerTable: string;
  readonly evidenceBucket: string;
  readonly runBucket: string;
  readonly fleetReviewMachineArn: string;
  /** Absent in the stack of an earlier version: only `check` needs it. */
  readonly checkRequestQueueUrl?: string;
}

/** The report of the last review of the fleet. */
const LATEST = 'latest';

/**
 * Finds the installation by its stack, with the default credentials of the AWS SDK.
 * @throws StackUnreadableError
 */
export async function connect(where: Where): Promise<CliContext> {
  const { stack, config } = installationAt(where);
  return contextOf(await installationNames(stack, config), config);
}

async function installationNames(stack: string, config: HubConfig): Promise<InstallationNames> {
  const outputs = await stackOutputs(stack, config);
  const checkRequestQueueUrl = outputs.get('CheckRequestQueueUrl');
  const named = (name: string): string => {
    const value = outputs.get(name);
    if (value === undefined) {
      throw new StackUnreadableError(
        `The stack "${stack}" has no output ${name}: it is another stack, or one of another Patchwave version. Name the stack with --stack, or deploy this version of template.yaml.`,
      );
    }
    return value;
  };
  return {
    ledgerTable: named('LedgerTable'),
    evidenceBucket: named('EvidenceBucket'),
    runBucket: named('RunBucket'),
    fleetReviewMachineArn: named('FleetReviewMachineArn'),
    ...(checkRequestQueueUrl !== undefined && { checkRequestQueueUrl }),
  };
}

async function stackOutputs(stack: string, config: HubConfig): Promise<ReadonlyMap<string, string>> {
  try {
    const { Stacks = [] } = await new CloudFormationClient(config).send(
      new DescribeStacksCommand({ StackName: stack }),
    );
    return new Map((Stacks[0]?.Outputs ?? []).map(({ OutputKey = '', OutputValue = '' }) => [OutputKey, OutputValue]));
  } catch (cause) {
    throw new StackUnreadableError(
      `The stack "${stack}" cannot be read. Name it with --stack and its Region with --region, and check your AWS credentials.`,
      { cause },
    );
  }
}

/** The command context of one installation. */
export function contextOf(names: InstallationNames, config: HubConfig): CliContext {
  const ledger = ledgerClient(config);
  const table = new LedgerTable(ledger, names.ledgerTable);
  const s3 = bucketClient(config);
  const known = imageLedgers(table);
  const runFiles = new S3RunFiles(s3, names.runBucket);
  return {
    ...known,
    ...actingLedgers(table),
    unreadable: table.unreadable,
    cascades: new DynamoCascadeLedger(table),
    index: new DynamoImageIndex(table),
    baseReadings: new DynamoBaseReadingLedger(table),
    fleetPlaces: new DynamoFleetPlaces(table),
    usages: new DynamoUsageLedger(table),
    running: new DynamoRunningReads(table),
    runs: new DynamoRunLedger(table),
    scopes: new DynamoScopeLedger(table),
    servicesAtZero: new DynamoServiceAtZeroLedger(table),
    denials: new DynamoDenials(table),
    breakGlasses: new DynamoBreakGlassLedger(table),
    webhooks: new DynamoAskedWebhooks(table),
    expiries: new DynamoExpiries(table),
    policies: new DynamoPolicyStore(table, s3, names.evidenceBucket),
    evidence: new S3Evidence(s3, names.evidenceBucket),
    runFiles,
    reviews: reviewsOf(names, config, s3, runFiles),
    // It only reads executions that the ledger names, of any state machine: no command starts a cascade.
    executions: new SfnExecutions(machineClient(config), ''),
    refreshes: refreshesOf(names, config),
    tags: new CallersTags(),
    templates: async (others) => {
      // Loaded late: only `doors check` reads clusters.
      const { awsTemplates } = await import('./doors/aws-templates.ts');
      return awsTemplates(config, others);
    },
    pauses: fullJitter({ firstMs: 2_000, mostMs: 30_000 }),
    clock: Date.now,
    author: async () => (await new STSClient(config).send(new GetCallerIdentityCommand({}))).Arn ?? 'unknown',
    lineage: () => dumpLineage(ledger, names.ledgerTable),
    dump: () => dumpLedger(ledger, names.ledgerTable),
  };
}

function refreshesOf({ checkRequestQueueUrl: url }: InstallationNames, config: HubConfig): CliContext['refreshes'] {
  if (url !== undefined) return new SqsMessages(queueClient(config), url);
  return {
    send: async () => {
      throw new StackUnreadableError(
        'The stack has no output CheckRequestQueueUrl, so Patchwave cannot be asked for an image. Deploy this version of template.yaml.',
      );
    },
  };
}

function reviewsOf(
  { evidenceBucket, fleetReviewMachineArn }: InstallationNames,
  config: HubConfig,
  s3: S3Client,
  files: CliContext['runFiles'],
): Reviews {
  return {
    async start(input) {
      const { executionArn = '', startDate } = await machineClient(config).send(
        new StartExecutionCommand({ stateMachineArn: fleetReviewMachineArn, input: JSON.stringify(input) }),
      );
      // The review names its run by the same two facts: `doctor --deep` checks that the start is the same instant.
      return { executionArn, runId: runIdOf(executionArn, startDate?.getTime() ?? 0) };
    },
    async report(format, runId = LATEST) {
      const key = `reports/${runId}.${format}`;
      try {
        const { Body } = await s3.send(new GetObjectCommand({ Bucket: evidenceBucket, Key: key }));
        return (await Body?.transformToString()) ?? '';
      } catch (cause) {
        if (!(cause instanceof NoSuchKey)) throw cause;
        const preview = runId === LATEST ? undefined : await previewReport(files, runId);
        if (preview) return format === 'md' ? preview.markdown : JSON.stringify(preview.report);
        throw new NotFoundError(
          runId === LATEST
            ? 'There is no report yet. A review writes its report when it ends. See: patchwave status'
            : `There is no report of run ${runId}. A review writes its report when it ends, and files of a preview are kept for seven days. See: patchwave status`,
        );
      }
    },
  };
}
