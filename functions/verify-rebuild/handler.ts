import { setTimeout as sleep } from 'node:timers/promises';
import { fullJitter } from '../../shared/adapters/backoff.ts';
import { bucketClient, ecrClients, ledgerClient, memberAccess, queueClient } from '../../shared/adapters/clients.ts';
import { DynamoContentLedger } from '../../shared/adapters/dynamodb/images/content-ledger.ts';
import { DynamoImageLedger } from '../../shared/adapters/dynamodb/images/image-ledger.ts';
import { DynamoPlaces } from '../../shared/adapters/dynamodb/images/place-ledger.ts';
import { DynamoPolicies } from '../../shared/adapters/dynamodb/policy/policies.ts';
import { DynamoSwitchLedger } from '../../shared/adapters/dynamodb/policy/switch-ledger.ts';
import { DynamoCascades } from '../../shared/adapters/dynamodb/rebuilds/cascade-ledger.ts';
import { DynamoCauseLedger } from '../../shared/adapters/dynamodb/rebuilds/cause-ledger.ts';
import { DynamoRebuildLedger } from '../../shared/adapters/dynamodb/rebuilds/rebuild-ledger.ts';
import { DynamoFirstSeen } from '../../shared/adapters/dynamodb/streams/stream-ledger.ts';
import { LedgerTable } from '../../shared/adapters/dynamodb/table/table.ts';
import { EcrRegistry } from '../../shared/adapters/ecr-registry.ts';
import { EcrTagger } from '../../shared/adapters/ecr-tagger.ts';
import { S3Evidence } from '../../shared/adapters/s3-evidence.ts';
import { SqsMessages } from '../../shared/adapters/sqs-messages.ts';
import { MINUTE_MS } from '../../shared/domain/common/time.ts';
import { loadEnv } from '../../shared/lambda/env.ts';
import { knownAccountsIn } from '../../shared/lambda/known-accounts.ts';
import { memberRole } from '../../shared/lambda/member-role.ts';
import { scanReads } from '../../shared/lambda/scanning.ts';
import { lambdaFunction } from '../../shared/lambda/stack.ts';
import { pacePerRegistry } from '../../shared/scanning/pace.ts';
import { environment } from './env.ts';
import { verifyRebuildSteps } from './input.ts';
import { route, type VerifyServices } from './route.ts';

function compose(): VerifyServices {
  const env = loadEnv(environment);
  const [table, s3] = [new LedgerTable(ledgerClient(), env.LEDGER_TABLE), bucketClient()];
  const role = memberRole(env, 'verify-rebuild');
  const policies = new DynamoPolicies(table, s3, env.EVIDENCE_BUCKET);
  const isOurs = knownAccountsIn(table, policies);
  const reads = scanReads(env, 'verify-rebuild', isOurs);
  const ports: VerifyServices['ports'] = {
    cascades: new DynamoCascades(table),
    rebuilds: new DynamoRebuildLedger(table),
    causes: new DynamoCauseLedger(table),
    images: new DynamoImageLedger(table),
    contents: new DynamoContentLedger(table),
    places: new DynamoPlaces(table),
    streams: new DynamoFirstSeen(table),
    killSwitch: new DynamoSwitchLedger(table),
    evidence: new S3Evidence(s3, env.EVIDENCE_BUCKET),
    registry: new EcrRegistry(reads.ecr),
    scanner: reads.scanner,
    refreshes: new SqsMessages(queueClient(), env.REGISTRY_EVENT_QUEUE_URL),
    tagger: new EcrTagger(ecrClients(memberAccess(role(env.ACT_BUILD_ROLE_NAME), isOurs))),
    pace: pacePerRegistry({ perSecond: env.SCANS_PER_SECOND, clock: Date.now, sleep }),
    ...{ policies, clock: Date.now, sleep, retry: fullJitter({ attempts: 3 }) },
  };
  return { ports, limits: { pollSeconds: env.POLL_SECONDS, outputGraceMs: 5 * MINUTE_MS } };
}

/** Verifies a rebuild: finds its output, waits for the scan, and checks that the findings are gone. */
export const verifyRebuild = (services: () => VerifyServices) =>
  lambdaFunction({ input: verifyRebuildSteps, compose: services, handle: route });

export const handler = verifyRebuild(compose);
