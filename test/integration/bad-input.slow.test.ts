import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { SendMessageBatchCommand, SQSClient } from '@aws-sdk/client-sqs';
import { DynamoDBDocumentClient, GetCommand } from '@aws-sdk/lib-dynamodb';
import { eventually } from '../../local/cloud/probe.ts';
import { workloadKey } from '../../local/fleet/seed.ts';
import * as keys from '../../shared/adapters/dynamodb/table/keys.ts';
import { collect } from '../../shared/concurrency.ts';
import type { Digest } from '../../shared/domain/image/image.ts';
import type { Usage } from '../../shared/domain/image/usage.ts';
import { BUILT_IN_RULES } from '../../shared/domain/policy/built-in-rules.ts';
import type { ImageRecord } from '../../shared/domain/verdict/image-record.ts';
import type { Verdict } from '../../shared/domain/verdict/verdict.ts';
import { badFleet, DARK, HUB, MANY_FINDINGS } from '../support/bad-fleet.ts';
import { environmentOf, eventFor, lettersIn, reviewWhileDeleting } from '../support/bad-input.ts';
import { queueOf } from '../support/chaos.ts';
import { useInstallation } from '../support/installation.ts';
import {
  callsOf,
  type DumpedItem,
  differences,
  hubOf,
  itemsOf,
  lastReview,
  propertiesIn,
} from '../support/readings.ts';
import { runCommand } from './oracle/command.ts';

const LIMIT_MS = 180_000;
const EVENT_LIMIT_MS = 20_000;
/** The most that DescribeImageScanFindings gives in one page. */
const FINDINGS_A_PAGE = 1000;
/** The most that one item of DynamoDB holds. */
const ITEM_LIMIT_BYTES = 400 * 1024;

/** What each of `events/malformed/` is set aside for. */
const REASONS: Readonly<Record<string, string>> = {
  'a-list.json': 'must be an object, not a list',
  'account-too-short.json': 'account: ',
  'cut-off.txt': 'not JSON',
  'digest-is-a-tag.json': 'detail.image-digest: must be a SHA-256 digest',
  'no-detail.json': 'detail: is missing',
  'no-digest.json': 'detail.image-digest: is missing',
  'other-detail-type.json': 'detail-type: ',
  'repository-is-a-list.json': 'detail.repository-name: ',
};

const isImage = ({ SK }: DumpedItem): boolean => SK === 'IMAGE';
const factsBesideImages = (items: readonly DumpedItem[]): string =>
  propertiesIn(items.filter((item) => !isImage(item)));

/** The tests follow one another: the first reviews what is there, the others look at it and go on. */
describe('a fleet in which everything is bad', () => {
  const installation = useInstallation(badFleet);
  const digestOf = (name: string): Digest => {
    const { digest, children } = installation().seeded.images.get(name) ?? {};
    return (children?.values().next().value ?? digest) as Digest;
  };
  async function imageOf(name: string): Promise<ImageRecord> {
    const digest = digestOf(name);
    const image = (await installation().context.images.get([digest])).get(digest);
    if (!image) throw new Error(`the ledger has no image ${name}`);
    return image;
  }
  const scanReasonOf = ({ verdict }: ImageRecord) => verdict?.reasons.find(({ kind }) => kind === 'scan');

  test(
    'an account out of reach fails the review by name, and stops nothing else',
    async () => {
      const { cloud, seeded, fleet } = installation();
      const stopping = fleet.workloads.find(({ name }) => name === 'stopping');
      const [task = ''] = (stopping && seeded.tasks.get(workloadKey(stopping))) ?? [];
      // It is listed, and has stopped when it is described.
      await cloud.admin.changeTask({ ...HUB, task, lastStatus: 'STOPPED' });

      const { status, error, cause } = await reviewWhileDeleting(
        installation(),
        'apps/vanishing',
        digestOf('vanishing'),
      );

      expect({ status, error }).toEqual({ status: 'FAILED', error: 'FleetReviewIncomplete' });
      expect(cause).toContain(DARK.account);
      expect(cause).toContain('Deploy member-account.yaml there');
      const { totals, parts } = await lastReview(installation());
      expect(totals).toMatchObject({ scopes: { complete: 1, failed: 1 }, found: 5, outcomes: { failed: 0 } });
      expect(parts.filter((part) => part.kind === 'scope' && part.result.status === 'failed')).toHaveLength(1);
      expect((await imageOf('web')).verdict?.status).toBe('compliant');
    },
    LIMIT_MS,
  );

  test('a task that stopped during the review does not run, but its service may start it', async () => {
    const usages = await collect(installation().context.usages.live(HUB));
    const workloads = Object.groupBy(usages, ({ isPossible }) => (isPossible ? 'possible' : 'running'));
    const names = ({ workload }: Usage): string => workload;
    expect(workloads.running?.map(names).sort()).toEqual(['attestations', 'bloated', 'empty', 'vanishing', 'web']);
    expect(workloads.possible?.map(names)).toEqual(['stopping']);
  });

  test(`an image with ${MANY_FINDINGS} findings is judged by every one of them`, async () => {
    const { verdict, findingsCount, digest, stream = '' } = await imageOf('bloated');
    expect(findingsCount).toBe(MANY_FINDINGS);
    expect(verdict?.status).toBe('violating');
    const vulnerabilities = (verdict?.reasons ?? []).map((reason) =>
      reason.kind === 'finding' ? reason.vulnerability : '',
    );
    expect(new Set(vulnerabilities).size).toBe(MANY_FINDINGS);
    const { context } = installation();
    expect((await context.evidence.findings(digest))?.findings).toHaveLength(MANY_FINDINGS);
    expect((await context.streams.firstSeen(stream)).size).toBe(MANY_FINDINGS);
    expect((await context.causes.get([stream])).get(stream)?.facts).toHaveLength(MANY_FINDINGS);
    const pages = (await callsOf(installation())).get('ecr:DescribeImageScanFindings');
    expect(pages).toBeGreaterThanOrEqual(MANY_FINDINGS / FINDINGS_A_PAGE);
  });

  test('an image with that many findings fits into its item of the ledger', async () => {
    const { deployment } = installation();
    const table = DynamoDBDocumentClient.from(new DynamoDBClient(hubOf(installation())));
    const { Item: DumpedItem } = await table.send(
      new GetCommand({ TableName: deployment.ledgerTable, Key: keys.image(digestOf('bloated')) }),
    );
    const said: unknown = DumpedItem?.said;
    if (!(said instanceof Uint8Array)) throw new Error('an image with so many reasons should be compressed');
    // Half of the item is left.
    expect(said.byteLength).toBeLessThan(ITEM_LIMIT_BYTES / 2);
  });

  test('`why` shows every one of that many findings', async () => {
    const words = ['why', digestOf('bloated'), '--json'];
    const { code, stdout, stderr } = await runCommand('cli/main.ts', words, environmentOf(installation()));
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const [{ image }] = JSON.parse(stdout) as [{ readonly image: ImageRecord }];
    expect(image.verdict).toEqual((await imageOf('bloated')).verdict);
    expect(image.verdict?.reasons).toHaveLength(MANY_FINDINGS);
  });

  test.each(['empty', 'attestations'])(
    'an index that holds nothing to run (%s) is unknown, and says why',
    async (name) => {
      const image = await imageOf(name);
      expect(image).toMatchObject({ unresolved: { code: 'empty-index' }, verdict: { status: 'unknown' }, inUse: true });
      expect(scanReasonOf(image)).toMatchObject({ state: 'unsupported', scanReason: 'unsupported-type' });
    },
  );

  test('an image that was deleted between inventory and scan is unknown, and says why', async () => {
    const image = await imageOf('vanishing');
    expect(image).toMatchObject({ verdict: { status: 'unknown' }, inUse: true });
    expect(scanReasonOf(image)).toMatchObject({ state: 'failed', scanReason: 'image-not-found' });
    expect((await lastReview(installation())).totals?.scans).toMatchObject({
      requested: 3,
      refused: { 'image-not-found': 1, 'unsupported-type': 2 },
    });
  });

  test(
    'unreadable events are set aside with their reasons, and the rest of their batch is handled',
    async () => {
      const { cloud } = installation();
      const folder = 'events/malformed';
      const files = await readdir(folder);
      const malformed = await Promise.all(files.map((file) => readFile(join(folder, file), 'utf8')));
      const web = await imageOf('web');
      await cloud.admin.setVulnerabilities([{ id: 'CVE-2026-39999', package: 'bash', severity: 'CRITICAL' }]);
      await cloud.admin.givePast({ ...HUB, repository: 'apps/web', digest: web.digest, lastScannedAt: new Date() });
      // A status that is not documented: the scanner is asked what it means.
      const sample = await readFile('events/aws.ecr.ecr-image-scan.unknown-status.json', 'utf8');
      const known = eventFor(sample, 'apps/web', web.digest);
      const sqs = new SQSClient(hubOf(installation()));
      const bodies = [malformed[0] ?? '', known, ...malformed.slice(1)];
      await sqs.send(
        new SendMessageBatchCommand({
          QueueUrl: await queueOf(installation(), 'ScanEventQueue'),
          Entries: bodies.map((MessageBody, index) => ({ Id: String(index), MessageBody })),
        }),
      );

      await eventually(
        async () => ((await imageOf('web')).verdict?.status === 'violating' ? true : undefined),
        'The verdict on what the scan found',
        EVENT_LIMIT_MS,
      );
      const letters = await lettersIn(sqs, await queueOf(installation(), 'ScanEventDeadLetters'), malformed.length);
      expect(new Set(letters.map(({ body }) => body))).toEqual(new Set(malformed));
      const kinds = files.map((file) => file.replace('aws.ecr.ecr-image-scan.', ''));
      expect(kinds.sort()).toEqual(Object.keys(REASONS).sort());
      for (const [index, file] of files.entries()) {
        const { reason } = letters.find(({ body }) => body === malformed[index]) ?? {};
        expect([file, reason]).toEqual([file, expect.stringContaining(REASONS[file.split('scan.')[1] ?? ''] ?? file)]);
      }
    },
    LIMIT_MS,
  );

  test('nothing of all this is lost: every image in use has a verdict', async () => {
    const images = (await itemsOf(installation())).filter(({ kind, inUse }) => kind === 'image' && inUse === true);
    expect(images).toHaveLength(6);
    expect(images.filter(({ verdict }) => verdict === undefined)).toEqual([]);
  });

  test('an invalid policy is not applied', async () => {
    const { context } = installation();
    const before = await context.policies.current();
    const words = ['policy', 'apply', '--yes', 'events/malformed/aws.ecr.ecr-image-scan.no-detail.json'];
    const { code, stdout, stderr } = await runCommand('cli/main.ts', words, environmentOf(installation()));
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toContain('detail-type: is not a known field');
    expect(await context.policies.current()).toEqual(before);
  });

  test(
    'a policy that was broken where it is kept fails the review by its version, and passes no image',
    async () => {
      const { cloud, review, context, deployment } = installation();
      const { version } = await context.policies.current();
      const before = factsBesideImages(await itemsOf(installation()));
      const s3 = new S3Client({ ...hubOf(installation()), forcePathStyle: true });
      const Key = `policies/${version}.json`;
      await s3.send(new PutObjectCommand({ Bucket: deployment.evidenceBucket, Key, Body: '{"version": 1, "ages"' }));
      // An environment that read the version before keeps it.
      await cloud.admin.endEnvironments();

      const { status, error, cause } = await review();

      expect({ status, error }).toEqual({ status: 'FAILED', error: 'FleetReviewIncomplete' });
      expect(cause).toContain(version);
      const items = await itemsOf(installation());
      const verdicts = items.filter(isImage).flatMap(({ verdict }) => (verdict ? [verdict as Verdict] : []));
      expect(verdicts.length).toBeGreaterThan(0);
      for (const verdict of verdicts)
        expect(verdict).toMatchObject({ status: 'unknown', reasons: [{ ruleId: BUILT_IN_RULES.policyReadable }] });
      expect(differences(before, factsBesideImages(items))).toEqual([]);
    },
    LIMIT_MS,
  );
});
