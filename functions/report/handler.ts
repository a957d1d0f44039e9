import { bucketClient, ledgerClient } from '../../shared/adapters/clients.ts';
import { DynamoPolicies } from '../../shared/adapters/dynamodb/policy/policies.ts';
import { DynamoGuardLedger } from '../../shared/adapters/dynamodb/rebuilds/guard-ledger.ts';
import { DynamoClosures } from '../../shared/adapters/dynamodb/rebuilds/rollout-ledger.ts';
import { DynamoExpiries } from '../../shared/adapters/dynamodb/retention/expiry-ledger.ts';
import { DynamoServicesAtZero } from '../../shared/adapters/dynamodb/reviews/service-at-zero-ledger.ts';
import { DynamoStreams } from '../../shared/adapters/dynamodb/streams/stream-ledger.ts';
import { LedgerTable } from '../../shared/adapters/dynamodb/table/table.ts';
import { S3Reports } from '../../shared/adapters/s3-reports.ts';
import { S3RunFiles } from '../../shared/adapters/s3-run-files.ts';
import { countsOf } from '../../shared/domain/report/report-counts.ts';
import { loadEnv } from '../../shared/lambda/env.ts';
import { denialLedgers, ledgersOfRun, reportLedgers } from '../../shared/lambda/ledgers.ts';
import { logger } from '../../shared/lambda/powertools.ts';
import { lambdaFunction } from '../../shared/lambda/stack.ts';
import { previewReports } from '../../shared/review/preview.ts';
import { environment } from './env.ts';
import { type ReportInput, reportInput } from './input.ts';
import { type ReportPorts, writeReport } from './write-report.ts';

type PortsOf = (run: ReportInput) => ReportPorts;

function compose(): PortsOf {
  const env = loadEnv(environment);
  const table = new LedgerTable(ledgerClient(), env.LEDGER_TABLE);
  const s3 = bucketClient();
  const files = new S3RunFiles(s3, env.RUN_BUCKET);
  const reports = { real: () => new S3Reports(s3, env.EVIDENCE_BUCKET), preview: previewReports };
  const ledgers = ledgersOfRun(table, files, { ...reportLedgers, reports });
  const world = {
    guards: new DynamoGuardLedger(table),
    streams: new DynamoStreams(table),
    rollouts: new DynamoClosures(table),
    expiries: new DynamoExpiries(table),
    servicesAtZero: new DynamoServicesAtZero(table),
    policies: new DynamoPolicies(table, s3, env.EVIDENCE_BUCKET),
    ...denialLedgers(table),
    unreadable: table.unreadable,
    files,
    clock: Date.now,
  };
  return (run) => {
    const { imageReads: images, ...others } = ledgers(run);
    return { ...world, ...others, images };
  };
}

/** Writes the report of a review as Markdown and JSON; the closing step emits its metrics. */
export const report = (services: () => PortsOf) =>
  lambdaFunction({
    input: reportInput,
    compose: services,
    handle: async (event, portsOf) => {
      logger.appendKeys({ runId: event.runId });
      const written = await writeReport(portsOf(event), event);
      return { images: written.images, counts: countsOf(written) };
    },
  });

export const handler = report(compose);
