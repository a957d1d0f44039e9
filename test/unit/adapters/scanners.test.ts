import {
  DescribeImageScanFindingsCommand,
  ECRClient,
  GetRegistryScanningConfigurationCommand,
  StartImageScanCommand,
} from '@aws-sdk/client-ecr';
import {
  type CoveredResource,
  type Finding,
  Inspector2Client,
  ListCoverageCommand,
  ListFindingsCommand,
} from '@aws-sdk/client-inspector2';
import { mockClient } from 'aws-sdk-client-mock';
import { InspectorScanner } from '../../../shared/adapters/inspector-scanner.ts';
import { registryScanner, registryScans, type ScannerSettings } from '../../../shared/adapters/scanners.ts';
import { collect } from '../../../shared/concurrency.ts';
import { imageArn } from '../../../shared/domain/image/ecr-arn.ts';
import type { Digest } from '../../../shared/domain/image/image.ts';
import type { ReviewedScans } from '../../../shared/ports/scanner.ts';
import { digestOf, LOCATION, NOON_EPOCH_MS } from '../../support/samples.ts';
import { awsError } from './support.ts';

const ecr = mockClient(ECRClient);
const inspector = mockClient(Inspector2Client);
let askedAccounts: string[] = [];

beforeEach(() => {
  ecr.reset();
  inspector.reset();
  askedAccounts = [];
  enhanced(['*']);
});

const enhanced = (filters: readonly string[], scanFrequency: 'CONTINUOUS_SCAN' | 'SCAN_ON_PUSH' = 'CONTINUOUS_SCAN') =>
  ecr.on(GetRegistryScanningConfigurationCommand).resolves({
    scanningConfiguration: {
      scanType: 'ENHANCED',
      rules: [{ scanFrequency, repositoryFilters: filters.map((filter) => ({ filter, filterType: 'WILDCARD' })) }],
    },
  });

const clients = {
  ecr: () => new ECRClient({ region: 'eu-west-1' }),
  inspector: ({ account }: { readonly account: string }) => {
    askedAccounts.push(account);
    return new Inspector2Client({ region: 'eu-west-1' });
  },
};
let now = NOON_EPOCH_MS;
const scannerWith = (settings: Partial<ScannerSettings> = {}) =>
  registryScanner(clients, { partition: 'aws', clock: () => now, ...settings });

const image = digestOf('a');
const arn = (digest: Digest = image) => imageArn('aws', LOCATION, digest);
const SCANNED_AT_EPOCH_MS = NOON_EPOCH_MS - 20 * 24 * 3_600_000;

const covered = (
  { status = 'ACTIVE', reason = 'SUCCESSFUL', digest = image }: { status?: string; reason?: string; digest?: Digest },
  others: Partial<CoveredResource> = {},
): CoveredResource => ({
  ...{
    resourceType: 'AWS_ECR_CONTAINER_IMAGE',
    resourceId: arn(digest),
    accountId: LOCATION.account,
    scanType: 'PACKAGE',
  },
  scanStatus: { statusCode: status as 'ACTIVE', reason: reason as 'SUCCESSFUL' },
  lastScannedAt: new Date(SCANNED_AT_EPOCH_MS),
  ...others,
});
const covers = (...coveredResources: CoveredResource[]) =>
  inspector.on(ListCoverageCommand).resolves({ coveredResources });

const found = (id: string, digest: Digest = image, others: Partial<Finding> = {}): Finding => ({
  ...{ findingArn: `arn:aws:inspector2:eu-west-1:1:finding/${id}-${digest}`, awsAccountId: '1', description: '' },
  ...{ type: 'PACKAGE_VULNERABILITY', remediation: {}, severity: 'HIGH', status: 'ACTIVE', fixAvailable: 'YES' },
  ...{ firstObservedAt: new Date(0), lastObservedAt: new Date(0) },
  packageVulnerabilityDetails: {
    ...{ vulnerabilityId: id, source: 'NVD' },
    vulnerablePackages: [{ name: 'openssl', version: '3.0.1', packageManager: 'OS' }],
  },
  resources: [{ type: 'AWS_ECR_CONTAINER_IMAGE', id: arn(digest) }],
  ...others,
});

test('an image that Inspector watches is clean, with the instant of its scan and of the confirmation', async () => {
  covers(covered({}));
  inspector.on(ListFindingsCommand).resolves({ findings: [] });
  expect(await scannerWith().read(LOCATION, image)).toEqual({
    outcome: 'complete',
    completedAtEpochMs: SCANNED_AT_EPOCH_MS,
    findings: [],
    coverage: ['os', 'language'],
    isWatched: true,
    watchedAtEpochMs: NOON_EPOCH_MS,
  });
  expect(ecr.commandCalls(DescribeImageScanFindingsCommand)).toHaveLength(0);
});

test.each([
  ['by its rule', 'SCAN_ON_PUSH' as const, {}],
  [
    'as Inspector says',
    'CONTINUOUS_SCAN' as const,
    { resourceMetadata: { ecrRepository: { scanFrequency: 'SCAN_ON_PUSH' as const } } },
  ],
])('an image that is only scanned on push, %s, has the result of that scan alone', async (_, frequency, others) => {
  enhanced(['*'], frequency);
  covers(covered({}, others));
  inspector.on(ListFindingsCommand).resolves({ findings: [] });
  const reading = await scannerWith().read(LOCATION, image);
  expect(reading).toMatchObject({ outcome: 'complete', completedAtEpochMs: SCANNED_AT_EPOCH_MS });
  expect(reading).not.toHaveProperty('isWatched');
});

test.each([
  ['SCAN_ELIGIBILITY_EXPIRED', 'expired', 'expired'],
  ['SCAN_FREQUENCY_MANUAL', 'off', 'not-covered'],
  ['SCAN_FREQUENCY_SCAN_ON_PUSH', 'off', 'on-push-only'],
  ['UNSUPPORTED_OS', 'unsupported', 'unsupported-os'],
  ['UNSUPPORTED_MEDIA_TYPE', 'unsupported', 'unsupported-type'],
  ['UNSUPPORTED_CONFIG_FILE', 'unsupported', 'unsupported-config'],
  ['IMAGE_SIZE_EXCEEDED', 'unsupported', 'image-too-large'],
  ['IMAGE_ARCHIVED', 'off', 'archived'],
  ['ACCESS_DENIED', 'unreachable', 'scanner-denied'],
  ['ACCESS_DENIED_TO_ENCRYPTION_KEY', 'unreachable', 'key-denied'],
  ['INTERNAL_ERROR', 'failed', 'scan-failed'],
  ['PENDING_DISABLE', 'off', 'scanning-ends'],
  ['RESOURCE_TERMINATED', 'failed', 'image-not-found'],
  ['SUCCESSFUL', 'failed', 'unknown-status'],
  ['A_REASON_OF_TOMORROW', 'failed', 'unknown-status'],
  ['constructor', 'failed', 'unknown-status'],
  ['__proto__', 'failed', 'unknown-status'],
])('an inactive image never passes: %s is %s, because of %s', async (word, state, reason) => {
  covers(covered({ status: 'INACTIVE', reason: word }));
  expect(await scannerWith().read(LOCATION, image)).toEqual({
    ...{ outcome: 'refused', state, reason },
    detail: `INACTIVE: ${word}`,
  });
  expect(inspector.commandCalls(ListFindingsCommand)).toHaveLength(0);
});

test.each(['PENDING_INITIAL_SCAN', 'PENDING_REVIVAL_SCAN', 'SCAN_IN_PROGRESS'])(
  '%s is a scan in progress',
  async (word) => {
    for (const status of ['ACTIVE', 'INACTIVE']) {
      covers(covered({ status, reason: word }));
      expect(await scannerWith().read(LOCATION, image)).toEqual({ outcome: 'in-progress' });
    }
  },
);

test.each<[string, CoveredResource[], string]>([
  ['an image that Inspector does not list', [covered({ digest: digestOf('b') })], 'not-in-coverage'],
  ['an active image without the instant of a scan', [covered({}, { lastScannedAt: undefined })], 'unknown-status'],
  ['an active image with an instant that is none', [covered({}, { lastScannedAt: new Date('?') })], 'unknown-status'],
  [
    'an active image whose scan is in the future',
    [covered({}, { lastScannedAt: new Date(NOON_EPOCH_MS + 3_600_000) })],
    'unknown-status',
  ],
  [
    'an image that is listed twice, and expired once',
    [covered({ status: 'INACTIVE', reason: 'SCAN_ELIGIBILITY_EXPIRED' }), covered({})],
    'expired',
  ],
  ['an image without a status', [covered({}, { scanStatus: undefined })], 'unknown-status'],
  ['an active image with another reason', [covered({ reason: 'NO_INVENTORY' })], 'unknown-status'],
])('%s has no result', async (_, resources, reason) => {
  covers(...resources);
  expect(await scannerWith().read(LOCATION, image)).toMatchObject({ outcome: 'refused', reason });
});

test('findings of all pages come together, each once, without closed ones, also after an empty page', async () => {
  covers(covered({}));
  inspector
    .on(ListFindingsCommand)
    .resolvesOnce({ findings: [found('CVE-1'), found('CVE-2', image, { status: 'CLOSED' })], nextToken: 'a' })
    .resolvesOnce({ findings: [], nextToken: 'b' })
    .resolvesOnce({ findings: [found('CVE-1'), found('CVE-3', image, { status: 'SUPPRESSED' })] });
  const reading = await scannerWith().read(LOCATION, image);
  expect(reading).toMatchObject({ findings: [{ vulnerability: 'CVE-1', fix: 'yes' }, { vulnerability: 'CVE-3' }] });
});

test('a finding that is closed on one page and open on the next is open', async () => {
  covers(covered({}));
  inspector
    .on(ListFindingsCommand)
    .resolvesOnce({ findings: [found('CVE-1', image, { status: 'CLOSED' })], nextToken: 'a' })
    .resolvesOnce({ findings: [found('CVE-1')] });
  expect(await scannerWith().read(LOCATION, image)).toMatchObject({ findings: [{ vulnerability: 'CVE-1' }] });
});

test('a finding whose resource has another name is one of the image in its details', async () => {
  covers(covered({}));
  const details = {
    awsEcrContainerImage: {
      ...{ repositoryName: LOCATION.repository, imageHash: image, registry: LOCATION.account },
      ...{ resourceTags: undefined, imageTags: [], pushedAt: new Date(0), architecture: 'arm64' },
    },
  };
  const named = (id: string, others: object) =>
    found('CVE-1', image, { resources: [{ type: 'AWS_ECR_CONTAINER_IMAGE', id, ...others }] });
  inspector.on(ListFindingsCommand).resolves({ findings: [named('an id of tomorrow', { details })] });
  expect(await scannerWith().read(LOCATION, image)).toMatchObject({ findings: [{ vulnerability: 'CVE-1' }] });
  inspector.on(ListFindingsCommand).resolves({ findings: [named('an id of tomorrow', {})] });
  await expect(scannerWith().read(LOCATION, image)).rejects.toThrow('names no image for its finding');
});

test('findings of the same content in another repository are not those of this one', async () => {
  covers(covered({}));
  const other = imageArn('aws', { ...LOCATION, repository: 'team/other' }, image);
  inspector.on(ListFindingsCommand).resolves({
    findings: [found('CVE-1', image, { resources: [{ type: 'AWS_ECR_CONTAINER_IMAGE', id: other }] })],
  });
  expect(await scannerWith().read(LOCATION, image)).toMatchObject({ outcome: 'complete', findings: [] });
});

test('Inspector may be asked of the delegated administrator, for one account', async () => {
  covers(covered({}));
  inspector.on(ListFindingsCommand).resolves({ findings: [] });
  await scannerWith({ administrator: '999988887777' }).read(LOCATION, image);
  expect(new Set(askedAccounts)).toEqual(new Set(['999988887777']));
  expect(inspector.commandCalls(ListCoverageCommand)[0]?.args[0].input.filterCriteria).toMatchObject({
    accountId: [{ comparison: 'EQUALS', value: LOCATION.account }],
    resourceId: [{ value: arn() }],
  });
  expect(inspector.commandCalls(ListFindingsCommand)[0]?.args[0].input.filterCriteria).toMatchObject({
    awsAccountId: [{ comparison: 'EQUALS', value: LOCATION.account }],
    ecrImageHash: [{ value: image }],
  });
});

test('25 images that are read next take three calls of each kind', async () => {
  const digests = Array.from({ length: 25 }, (_, n) => digestOf(`image ${n}`));
  inspector.on(ListCoverageCommand).callsFake(({ filterCriteria }) => ({
    coveredResources: filterCriteria.resourceId.map(({ value }: { value: string }) =>
      covered({ digest: value.split('/').at(-1) as Digest }),
    ),
  }));
  inspector.on(ListFindingsCommand).callsFake(({ filterCriteria }) => ({
    findings: filterCriteria.ecrImageHash.map(({ value }: { value: Digest }) => found(`CVE of ${value}`, value)),
  }));
  const scanner = scannerWith();
  await scanner.readsNext(digests.map((digest) => ({ digest, locations: [LOCATION] })));
  for (const digest of digests)
    expect(await scanner.read(LOCATION, digest)).toMatchObject({ findings: [{ vulnerability: `CVE of ${digest}` }] });
  expect(inspector.commandCalls(ListCoverageCommand)).toHaveLength(3);
  expect(inspector.commandCalls(ListFindingsCommand)).toHaveLength(3);
  // A second read of an image asks again.
  const [first = image] = digests;
  await scanner.read(LOCATION, first);
  expect(inspector.commandCalls(ListFindingsCommand)).toHaveLength(4);
});

describe('Inspector stops to scan an image and closes its findings', () => {
  const expired = covered({ status: 'INACTIVE', reason: 'SCAN_ELIGIBILITY_EXPIRED' });

  test.each([
    ['after the review read the coverage', true, 3],
    ['after the review read the coverage of an image that is not judged yet', true, undefined],
    ['after the review read the coverage of an image whose finding is new', true, 0],
    ['after its coverage was read', false, 3],
  ])('%s: the image is not clean', async (_, isReviewed, known) => {
    inspector
      .on(ListCoverageCommand)
      .callsFake(() => ({ coveredResources: [findingsRead > 0 ? expired : covered({})] }));
    let findingsRead = 0;
    inspector.on(ListFindingsCommand).callsFake(() => {
      findingsRead += 1;
      return { findings: known ? [found('CVE-1')] : [] };
    });
    const readAtEpochMs = NOON_EPOCH_MS - 3_600_000;
    const coverage = { status: 'ACTIVE', reason: 'SUCCESSFUL', lastScannedAtEpochMs: SCANNED_AT_EPOCH_MS };
    const reviewed: ReviewedScans = {
      configuration: async () => undefined,
      coverage: async () => (isReviewed ? { readAtEpochMs, coverage } : undefined),
    };
    const reading = await scannerWith({ reviewed }).read(LOCATION, image, known);
    expect(reading).toMatchObject({ outcome: 'refused', state: 'expired' });
  });

  test('findings that are fewer count if the coverage still stands; as many are not confirmed', async () => {
    covers(covered({}));
    inspector.on(ListFindingsCommand).resolves({ findings: [found('CVE-1')] });
    const scanner = scannerWith();
    expect(await scanner.read(LOCATION, image, 1)).toMatchObject({ outcome: 'complete' });
    expect(inspector.commandCalls(ListCoverageCommand)).toHaveLength(1);
    expect(await scanner.read(LOCATION, image, 2)).toMatchObject({ outcome: 'complete' });
    expect(inspector.commandCalls(ListCoverageCommand)).toHaveLength(3);
  });

  test('ten images that are read together are confirmed in one call', async () => {
    const digests = Array.from({ length: 10 }, (_, n) => digestOf(`image ${n}`));
    covers(...digests.map((digest) => covered({ digest })));
    inspector.on(ListFindingsCommand).resolves({ findings: [] });
    const scanner = scannerWith();
    await scanner.readsNext(digests.map((digest) => ({ digest, locations: [LOCATION] })));
    for (const digest of digests) await scanner.read(LOCATION, digest);
    expect(inspector.commandCalls(ListCoverageCommand)).toHaveLength(2);
    expect(inspector.commandCalls(ListFindingsCommand)).toHaveLength(1);
  });
});

test('images that are read together are confirmed as of the instant before their coverage was asked for', async () => {
  const images = [image, digestOf('b')];
  const readsAtEpochMs = now;
  covers(...images.map((digest) => covered({ digest })));
  inspector.on(ListFindingsCommand).callsFake(() => {
    now += 60_000;
    return { findings: images.map((digest) => found('CVE-1', digest)) };
  });
  const scanner = scannerWith();
  await scanner.readsNext(images.map((digest) => ({ digest, locations: [LOCATION] })));
  for (const digest of images)
    expect(await scanner.read(LOCATION, digest)).toMatchObject({ watchedAtEpochMs: readsAtEpochMs });
  now = readsAtEpochMs;
});

describe('in a review', () => {
  const readAtEpochMs = NOON_EPOCH_MS - 3_600_000;
  const reviewed = (coverage: { status: string; reason: string } | undefined): ReviewedScans => ({
    configuration: async () => ({ type: 'enhanced', rules: [{ frequency: 'continuous', filters: ['*'] }] }),
    coverage: async () => ({
      readAtEpochMs,
      ...(coverage && { coverage: { ...coverage, lastScannedAtEpochMs: SCANNED_AT_EPOCH_MS } }),
    }),
  });

  test('an image is confirmed by the coverage that the review read before, and only its findings are read', async () => {
    inspector.on(ListFindingsCommand).resolves({ findings: [found('CVE-1')] });
    const scanner = scannerWith({ reviewed: reviewed({ status: 'ACTIVE', reason: 'SUCCESSFUL' }) });
    expect(await scanner.read(LOCATION, image, 1)).toMatchObject({ isWatched: true, watchedAtEpochMs: readAtEpochMs });
    expect(inspector.commandCalls(ListCoverageCommand)).toHaveLength(0);
    expect(ecr.calls()).toHaveLength(0);
  });

  test.each([
    ['was not listed', undefined],
    ['was not scanned yet', { status: 'INACTIVE', reason: 'PENDING_INITIAL_SCAN' }],
  ])('an image that %s is looked up again, and findings are read after that', async (_, before) => {
    covers(covered({}));
    const order: string[] = [];
    inspector.on(ListCoverageCommand).callsFake(() => {
      order.push('coverage');
      return { coveredResources: [covered({})] };
    });
    inspector.on(ListFindingsCommand).callsFake(() => {
      order.push('findings');
      return { findings: order.includes('coverage') ? [found('CVE-1')] : [] };
    });
    const scanner = scannerWith({ reviewed: reviewed(before) });
    expect(await scanner.read(LOCATION, image)).toMatchObject({
      ...{ watchedAtEpochMs: NOON_EPOCH_MS, findings: [{ vulnerability: 'CVE-1' }] },
    });
    expect(order).toEqual(['coverage', 'findings']);
  });

  test('an image that expired is not looked up again', async () => {
    const scanner = scannerWith({ reviewed: reviewed({ status: 'INACTIVE', reason: 'SCAN_ELIGIBILITY_EXPIRED' }) });
    expect(await scanner.read(LOCATION, image)).toMatchObject({ outcome: 'refused', state: 'expired' });
    expect(inspector.calls()).toHaveLength(0);
  });
});

describe('requests', () => {
  test('no scan is requested where Inspector scans, nor where no rule fits', async () => {
    expect(await scannerWith().start(LOCATION, image)).toMatchObject({ state: 'off', reason: 'enhanced' });
    enhanced(['other/*']);
    expect(await scannerWith().start(LOCATION, image)).toMatchObject({ state: 'off', reason: 'not-covered' });
    expect(await scannerWith().read(LOCATION, image)).toMatchObject({ state: 'off', reason: 'not-covered' });
    expect(ecr.commandCalls(StartImageScanCommand)).toHaveLength(0);
    expect(inspector.calls()).toHaveLength(0);
  });

  test('basic scanning is requested; its configuration is read once in five minutes', async () => {
    ecr
      .on(GetRegistryScanningConfigurationCommand)
      .resolves({ scanningConfiguration: { scanType: 'BASIC', rules: [] } });
    ecr.on(StartImageScanCommand).resolves({});
    const scanner = scannerWith();
    for (let n = 0; n < 3; n += 1) expect(await scanner.start(LOCATION, image)).toEqual({ outcome: 'requested' });
    expect(ecr.commandCalls(GetRegistryScanningConfigurationCommand)).toHaveLength(1);
    now += 5 * 60_000;
    await scanner.start(LOCATION, image);
    expect(ecr.commandCalls(GetRegistryScanningConfigurationCommand)).toHaveLength(2);
  });

  test('a scan that Amazon ECR ended shows basic scanning for five minutes, unless a newer configuration is known', async () => {
    ecr.on(DescribeImageScanFindingsCommand).resolves({ imageScanStatus: { status: 'IN_PROGRESS' } });
    const scanner = scannerWith();
    scanner.scannedByEcr(LOCATION, now - 4 * 60_000);
    expect(await scanner.read(LOCATION, image)).toEqual({ outcome: 'in-progress' });
    expect(ecr.commandCalls(GetRegistryScanningConfigurationCommand)).toHaveLength(0);
    now += 60_000;
    expect(await scanner.scanning(LOCATION)).toBe('continuous');
    scanner.scannedByEcr(LOCATION, now - 1);
    expect(await scanner.scanning(LOCATION)).toBe('continuous');
    expect(ecr.commandCalls(GetRegistryScanningConfigurationCommand)).toHaveLength(1);
    now += 60_000;
    scanner.scannedByEcr(LOCATION, now + 3_600_000);
    expect(await scanner.scanning(LOCATION)).toBe('basic');
    now += 5 * 60_000;
    expect(await scanner.scanning(LOCATION)).toBe('continuous');
    expect(ecr.commandCalls(GetRegistryScanningConfigurationCommand)).toHaveLength(2);
  });

  test('a registry that does not let its configuration be read is asked as one with basic scanning', async () => {
    ecr.on(GetRegistryScanningConfigurationCommand).rejects(awsError('AccessDeniedException'));
    ecr.on(StartImageScanCommand).rejects(awsError('ValidationException'));
    expect(await scannerWith().scanning(LOCATION)).toBeUndefined();
    expect(await scannerWith().start(LOCATION, image)).toMatchObject({ state: 'off', reason: 'enhanced' });
  });
});

test('a refusal of Inspector is an answer, and what is unclear is thrown and asked again', async () => {
  inspector.on(ListCoverageCommand).rejects(awsError('AccessDeniedException'));
  expect(await scannerWith().read(LOCATION, image)).toMatchObject({ state: 'unreachable', reason: 'access-denied' });
  covers(covered({}));
  inspector.on(ListFindingsCommand).rejectsOnce(awsError('InternalServerException')).resolves({ findings: [] });
  const scanner = scannerWith();
  const images = [image, digestOf('b')];
  covers(...images.map((digest) => covered({ digest })));
  await scanner.readsNext(images.map((digest) => ({ digest, locations: [LOCATION] })));
  await expect(scanner.read(LOCATION, image)).rejects.toMatchObject({ name: 'InternalServerException' });
  for (const digest of images) expect(await scanner.read(LOCATION, digest)).toMatchObject({ outcome: 'complete' });
});

test('the coverage of a registry is read page by page', async () => {
  inspector
    .on(ListCoverageCommand)
    .resolvesOnce({ coveredResources: [covered({})], nextToken: 'more' })
    .resolvesOnce({ coveredResources: [], nextToken: 'more still' })
    .resolvesOnce({
      coveredResources: [covered({ status: 'INACTIVE', reason: 'UNSUPPORTED_OS', digest: digestOf('b') })],
    });
  const pages = await collect(registryScans(clients, { partition: 'aws' }).coverage(LOCATION));
  expect(pages.flat()).toEqual([
    {
      ...{ repository: LOCATION.repository, digest: image },
      coverage: { status: 'ACTIVE', reason: 'SUCCESSFUL', lastScannedAtEpochMs: SCANNED_AT_EPOCH_MS },
    },
    {
      ...{ repository: LOCATION.repository, digest: digestOf('b') },
      coverage: { status: 'INACTIVE', reason: 'UNSUPPORTED_OS', lastScannedAtEpochMs: SCANNED_AT_EPOCH_MS },
    },
  ]);
});

test.each<[string, { readonly inUseCount?: number; readonly lastInUseAt?: Date } | undefined, object | undefined]>([
  ['tasks or pods use it', { inUseCount: 3, lastInUseAt: new Date(7) }, { count: 3, lastAtEpochMs: 7 }],
  ['nothing uses it now', { inUseCount: 0, lastInUseAt: new Date(7) }, undefined],
  ['Inspector gives no instant', { inUseCount: 3 }, undefined],
  ['Inspector gives no valid instant', { inUseCount: 3, lastInUseAt: new Date(Number.NaN) }, undefined],
  ['Inspector gives no count', { lastInUseAt: new Date(7) }, undefined],
  ['Inspector gives nothing of the image', undefined, undefined],
])('the use of an image where %s', async (_, ecrImage, inUse) => {
  covers(covered({}, { resourceMetadata: { ...(ecrImage && { ecrImage }) } }));
  const scanner = new InspectorScanner(() => new Inspector2Client({ region: 'eu-west-1' }), { partition: 'aws' });
  const [page] = await Array.fromAsync(scanner.coverage(LOCATION));
  expect(page?.map((one) => one.inUse)).toEqual([inUse]);
  expect(inspector.commandCalls(ListCoverageCommand)).toHaveLength(1);
});
