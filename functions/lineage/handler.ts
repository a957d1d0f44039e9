import { bucketClient, ledgerClient } from '../../shared/adapters/clients.ts';
import { DynamoPolicies } from '../../shared/adapters/dynamodb/policies.ts';
import { LedgerTable } from '../../shared/adapters/dynamodb/table.ts';
import { S3RunFiles } from '../../shared/adapters/s3-run-files.ts';
import { loadEnv } from '../../shared/lambda/env.ts';
import {
  contents,
  fleetPlaces,
  images,
  type LedgersOfRun,
  ledgersOfRun,
  parts,
  places,
  streamImages,
  streams,
  usages,
} from '../../shared/lambda/ledgers.ts';
import { logger } from '../../shared/lambda/powertools.ts';
import { lambdaFunction } from '../../shared/lambda/stack.ts';
import { environment } from './env.ts';
import { findLineage, type LineagePorts } from './find-lineage.ts';
import { lineageInput } from './input.ts';

interface LineageServices {
  readonly ledgers: LedgersOfRun<
    'contents' | 'fleetPlaces' | 'images' | 'parts' | 'places' | 'streamImages' | 'streams' | 'usages'
  >;
  readonly world: Pick<LineagePorts, 'policies' | 'files' | 'clock'>;
}

function compose(): LineageServices {
  const env = loadEnv(environment);
  const table = new LedgerTable(ledgerClient(), env.LEDGER_TABLE);
  const s3 = bucketClient();
  const files = new S3RunFiles(s3, env.RUN_BUCKET);
  const policies = new DynamoPolicies(table, s3, env.EVIDENCE_BUCKET);
  const kinds = { contents, fleetPlaces, images, parts, places, streamImages, streams, usages };
  return { ledgers: ledgersOfRun(table, files, kinds), world: { policies, files, clock: Date.now } };
}

/** Who stands on whom in the whole fleet, and how old that makes each: one invocation of a review. */
export const lineage = (services: () => LineageServices) =>
  lambdaFunction({
    input: lineageInput,
    compose: services,
    handle: async (event, { ledgers, world }) => {
      logger.appendKeys({ runId: event.runId });
      const { parts: runs, ...others } = ledgers(event);
      return findLineage({ ...world, ...others, runs }, event);
    },
  });

export const handler = lineage(compose);
