import { setTimeout as sleep } from 'node:timers/promises';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DeleteObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { GetQueueAttributesCommand, PurgeQueueCommand, SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { DeleteCommand, DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import type { ImagePast, KnownVulnerability } from '../../local/cloud/admin-types.ts';
import type { Installation } from '../../local/installation.ts';
import { mapConcurrently } from '../../shared/concurrency.ts';
import type { Digest } from '../../shared/domain/image/image.ts';
import { queueOf } from './chaos.ts';
import { invokeCheck } from './protection.ts';
import { callsOf, type DumpedItem, factsOf, hubOf, itemsOf } from './readings.ts';

const HOUR_MS = 3_600_000;
/** An event that came is judged within two seconds. */
const EVENT_LIMIT_MS = 8000;

/** What a fleet's image and scanner look like on a day on which a scan of it finds one flaw more. */
export interface FoundFlaw {
  readonly image: Omit<ImagePast, 'pushedAt' | 'lastScannedAt'> & { readonly digest: Digest };
  readonly flaw: KnownVulnerability;
}

/**
 * All of Patchwave once, from an empty ledger: a review, a second one for which some evidence was lost, a preview, an
 * event of a scan that found something new, and an unreadable one. Returns the result of each.
 */
export class Scenario {
  readonly #installation: Installation;
  readonly #finding: FoundFlaw;
  readonly #known: readonly KnownVulnerability[];
  readonly #sqs: SQSClient;

  constructor(installation: Installation, known: readonly KnownVulnerability[], finding: FoundFlaw) {
    this.#installation = installation;
    this.#known = known;
    this.#finding = finding;
    this.#sqs = new SQSClient(hubOf(installation));
  }

  /** Everything that a permission that is missing could change. The first difference is enough for a comparison. */
  async *steps(): AsyncIterable<unknown> {
    const { review, cloud } = this.#installation;
    await this.#begin();
    await cloud.admin.clearCalls();
    yield await outcomeOf(review());
    yield await factsOf(this.#installation);
    await this.#loseEvidence();
    yield await outcomeOf(review());
    yield await factsOf(this.#installation);
    yield await outcomeOf(review({ mode: 'preview' }));
    yield (await callsOf(this.#installation)).get('ecr:StartImageScan');
    yield await this.#tellOfScan();
    yield await this.#tellNonsense();
    // Last: it is the only one that reads lifecycle policies.
    yield await invokeCheck(this.#installation);
  }

  /** Nothing in the ledger but the policy, cold functions without credentials in memory, and empty queues. */
  async #begin(): Promise<void> {
    const { cloud, deployment } = this.#installation;
    const items = (await itemsOf(this.#installation)).filter(({ PK }) => PK !== 'POLICY');
    const table = DynamoDBDocumentClient.from(new DynamoDBClient(hubOf(this.#installation)));
    await mapConcurrently(items, 16, ({ PK, SK }) =>
      table.send(new DeleteCommand({ TableName: deployment.ledgerTable, Key: { PK, SK } })),
    );
    // Not by a change of configuration: that ends the environments of $LATEST, and published versions run here.
    await cloud.admin.endEnvironments();
    for (const name of ['ScanEventQueue', 'ScanEventDeadLetters']) {
      await this.#sqs.send(new PurgeQueueCommand({ QueueUrl: await this.#queue(name) }));
    }
    await cloud.admin.setVulnerabilities(this.#known);
    await cloud.admin.givePast({ ...this.#finding.image, lastScannedAt: new Date(Date.now() - HOUR_MS) });
  }

  async #loseEvidence(): Promise<void> {
    const s3 = new S3Client({ ...hubOf(this.#installation), forcePathStyle: true });
    const Key = `findings/${this.#finding.image.digest}.json.gz`;
    await s3.send(new DeleteObjectCommand({ Bucket: this.#installation.deployment.evidenceBucket, Key }));
  }

  /** @returns the number of findings once the event was judged, or of those before it where it never is */
  async #tellOfScan(): Promise<unknown> {
    const { cloud } = this.#installation;
    const { image, flaw } = this.#finding;
    await cloud.admin.setVulnerabilities([...this.#known, flaw]);
    await cloud.admin.givePast({ ...image, lastScannedAt: new Date() });
    const before = await this.#findingsCount();
    const { account, region, repository, digest } = image;
    const detail = { 'scan-status': 'COMPLETE', 'repository-name': repository, 'image-digest': digest };
    const event = { source: 'aws.ecr', detailType: 'ECR Image Scan', detail };
    await cloud.admin.publishServiceEvents(account, region, [event]);
    await within(EVENT_LIMIT_MS, async () => (await this.#findingsCount()) !== before);
    return { before, after: await this.#findingsCount(), facts: await factsOf(this.#installation) };
  }

  async #tellNonsense(): Promise<unknown> {
    const QueueUrl = await this.#queue('ScanEventQueue');
    await this.#sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: 'no event at all' }));
    const isThere = async () => (await this.#visible('ScanEventDeadLetters')) > 0;
    const isSetAside = await within(EVENT_LIMIT_MS, isThere);
    const isLeft = !(await within(
      EVENT_LIMIT_MS / 4,
      async () => (await this.#visible('ScanEventQueue', 'all')) === 0,
    ));
    return { isSetAside, isLeft };
  }

  async #findingsCount(): Promise<number | undefined> {
    const { digest } = this.#finding.image;
    return (await this.#installation.context.images.get([digest])).get(digest)?.findingsCount;
  }

  async #visible(queue: string, which: 'visible' | 'all' = 'visible'): Promise<number> {
    const { Attributes = {} } = await this.#sqs.send(
      new GetQueueAttributesCommand({ QueueUrl: await this.#queue(queue), AttributeNames: ['All'] }),
    );
    const visible = Number(Attributes.ApproximateNumberOfMessages);
    return which === 'visible' ? visible : visible + Number(Attributes.ApproximateNumberOfMessagesNotVisible);
  }

  #queue(logicalId: string): Promise<string> {
    return queueOf(this.#installation, logicalId);
  }
}

/** Step Functions waits a tenth of the time from now on, before it tries again what failed for good here. */
export async function waitBriefly({ endpoint }: Installation['cloud']): Promise<void> {
  const body = JSON.stringify({ 'stepfunctions._SFN_WAIT_SCALE': 0.1 });
  const response = await fetch(`${endpoint}/_ministack/config`, { method: 'POST', body });
  if (!response.ok) throw new Error(`the embedded cloud keeps its waits: ${response.status}`);
}

async function outcomeOf(execution: ReturnType<Installation['review']>): Promise<unknown> {
  const { status, error, output } = await execution;
  const { closed, report } = (output ?? {}) as DumpedItem;
  return { status, error, closed, report };
}

async function within(limitMs: number, isSo: () => Promise<boolean>): Promise<boolean> {
  for (const endsAtEpochMs = Date.now() + limitMs; Date.now() < endsAtEpochMs; await sleep(100)) {
    if (await isSo()) return true;
  }
  return false;
}
