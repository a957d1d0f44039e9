import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { GetRoleCommand, IAMClient, NoSuchEntityException } from '@aws-sdk/client-iam';
import { DescribeExecutionCommand, SFNClient } from '@aws-sdk/client-sfn';
import type { DemoResult } from '../../local/demo/result.ts';
import { generateDifficultFleet } from '../../local/fleet/difficult.ts';
import type { Fleet } from '../../local/fleet/schema.ts';
import { SEED } from '../support/seeded.ts';
import { withReviewedFleet } from './oracle/demo.ts';
import { type Bearing, bearingImages, below } from './oracle/lineage.ts';
import { digestOfTag, madeOf, scanOf } from './oracle/registry.ts';
import {
  configOf,
  containersIn,
  type Home,
  homeOf,
  imagesOf,
  manifestOf,
  type OracleContainer,
  type RunningPlace,
} from './oracle/running.ts';
import { checkLimits } from './oracle/story.ts';
import { pageOf } from './oracle/story-page.ts';

const DAY_MS = 86_400_000;
const PLAUSIBLE_FROM = Date.UTC(2013, 0, 1);

const isReadable = (fleet: Fleet, { account }: RunningPlace): boolean =>
  fleet.accounts.some(({ id, memberRole, state }) => id === account && memberRole && state === 'ACTIVE');

const placesOf = (fleet: Fleet): RunningPlace[] =>
  fleet.accounts.flatMap(({ id, regions }) => regions.map((region) => ({ account: id, region })));

/** Repositories that each review lists, and so knows what their indexes hold. */
const listedIn = (fleet: Fleet): (Home & { readonly tier: string })[] =>
  (fleet.policy.streams as { tier: string; account: string; regions: string[]; repositories: string[] }[])
    .filter(({ tier }) => tier === 'base' || tier === 'platform')
    .flatMap(({ tier, account, regions, repositories }) =>
      regions.flatMap((region) => repositories.map((repository) => ({ tier, account, region, repository }))),
    );

/** What AWS adds to a task names no image; what it runs may be known from where it is listed, or from who else runs it. */
async function named(
  endpoint: string,
  fleet: Fleet,
  seen: OracleContainer,
  all: readonly OracleContainer[],
): Promise<OracleContainer> {
  const { image, imageDigest: digest } = seen.container;
  if (image !== undefined || digest === undefined) return seen;
  const others = all.filter(({ container }) => container.imageDigest === digest);
  const homes = [...listedIn(fleet), ...others.flatMap(({ container }) => homeOf(container) ?? [])];
  for (const { account, region, repository } of homes.filter((home) => isReadable(fleet, home))) {
    const manifest = manifestOf(endpoint, { account, region, repository }, digest);
    const isThere = await manifest.then((found) => found !== undefined).catch(() => false);
    const host = `${account}.dkr.ecr.${region}.amazonaws.com`;
    if (isThere) return { ...seen, container: { ...seen.container, image: `${host}/${repository}@${digest}` } };
  }
  return seen;
}

/** The digests that a container stands for: what runs; else what its reference says; else what its tag means now. */
async function digestsOf(endpoint: string, fleet: Fleet, seen: OracleContainer): Promise<string[]> {
  if (seen.container.imageDigest !== undefined) {
    const home = homeOf(seen.container);
    // An index in a registry that denies reading looks like an image.
    return home && !isReadable(fleet, home) ? [seen.container.imageDigest] : imagesOf(endpoint, seen);
  }
  const [, pinned] = /@(sha256:[0-9a-f]{64})$/.exec(seen.container.image ?? '') ?? [];
  if (pinned !== undefined)
    return imagesOf(endpoint, { ...seen, container: { ...seen.container, imageDigest: pinned } });
  const home = homeOf(seen.container);
  const [, tag] = /:([^:/@]+)$/.exec(seen.container.image ?? '') ?? [];
  if (!home || !isReadable(fleet, home)) return [];
  const now = await digestOfTag(endpoint, home, tag ?? 'latest');
  return now === undefined ? [] : imagesOf(endpoint, { ...seen, container: { ...seen.container, imageDigest: now } });
}

async function whatRuns(endpoint: string, fleet: Fleet) {
  const places = placesOf(fleet).filter((place) => isReadable(fleet, place));
  const seen = (await Promise.all(places.map((place) => containersIn(endpoint, place)))).flat();
  const digests = await Promise.all(
    seen.map(async (one) => digestsOf(endpoint, fleet, await named(endpoint, fleet, one, seen))),
  );
  return {
    containers: seen.length,
    images: new Set(digests.flat()),
    unresolved: digests.filter((found) => found.length === 0).length,
  };
}

type Image = DemoResult['images'][number];

const findingsClaimed = (image: Image): string[] =>
  image.reasons
    .filter(({ kind }) => kind === 'finding')
    .map(({ vulnerability, package: name }) => `${String(vulnerability)} ${String(name)}`)
    .sort();

const attribute = (
  finding: { attributes?: { key?: string | undefined; value?: string | undefined }[] | undefined },
  key: string,
) => finding.attributes?.find((one) => one.key === key)?.value ?? '';

test(`what the demo claims of fleet ${SEED} is what plain SDK calls find`, async () => {
  const fleet = generateDifficultFleet(SEED);
  await withReviewedFleet(fleet, [], async (result, { endpoint }, run) => {
    checkLimits(pageOf(run.stderr));
    const failedScopes = result.scopes.filter(({ status }) => status === 'failed');
    expect(run.code).toBe(failedScopes.length > 0 ? 1 : 0);

    const running = await whatRuns(endpoint, fleet);
    expect(result.images.map(({ digest }) => digest).sort()).toEqual([...running.images].sort());
    expect(result.unresolved).toBe(running.unresolved);
    expect(result.found).toBe(running.images.size);
    for (const outcome of ['compliant', 'violating', 'unknown', 'failed'] as const) {
      expect(result.outcomes[outcome]).toBe(result.images.filter((image) => image.outcome === outcome).length);
    }

    expect(Object.values(result.ancestors.outcomes).reduce((sum, count) => sum + count, 0)).toBe(
      result.ancestors.found,
    );

    await checkScopes(endpoint, fleet, result);
    const bearing = await bearingImages(
      endpoint,
      listedIn(fleet).filter((home) => isReadable(fleet, home)),
    );
    await Promise.all(result.images.map((image) => checkImage(endpoint, fleet, image, bearing)));
    await checkAncestors(endpoint, result, bearing);
    await checkExecution(endpoint, fleet, result);
    await checkOneFunction(endpoint, fleet);
  });
}, 180_000);

/** As a person looks into a kept cloud: runs one function from its sources, and reads what another one logged. */
async function checkOneFunction(endpoint: string, { hub }: Fleet): Promise<void> {
  const account = { AWS_ACCESS_KEY_ID: hub.account, AWS_SECRET_ACCESS_KEY: 'local', AWS_DEFAULT_REGION: hub.region };
  const script = async (...words: string[]): Promise<string> => {
    const env = { ...process.env, ...account, AWS_ENDPOINT_URL: endpoint };
    return (await promisify(execFile)(process.execPath, words, { env })).stdout;
  };
  const event = 'events/aws.ecr.ecr-image-scan.complete.json';
  const invoked = await script('local/invoke/main.ts', 'policy-evaluation', event);
  expect(JSON.parse(invoked.trimEnd().split('\n').at(-1) ?? '')).toEqual({ batchItemFailures: [] });
  expect(await script('local/invoke/logs.ts', 'inventory')).toMatch(/^\S+Z START RequestId: /m);
}

async function checkScopes(endpoint: string, fleet: Fleet, { scopes }: DemoResult): Promise<void> {
  for (const { account, region, status } of scopes) {
    // The Region of an account whose Regions cannot be read is `*`; IAM needs none.
    const role = new IAMClient(configOf(endpoint, { account, region: fleet.hub.region })).send(
      new GetRoleCommand({ RoleName: 'PatchwaveRead' }),
    );
    const hasRole = await role
      .then(() => true)
      .catch((error: unknown) => {
        if (error instanceof NoSuchEntityException) return false;
        throw error;
      });
    expect({ account, region, readable: status !== 'failed' }).toEqual({ account, region, readable: hasRole });
  }
  const named = new Set(scopes.map(({ account, region }) => `${account} ${region}`));
  for (const { account, region } of placesOf(fleet).filter((place) => isReadable(fleet, place))) {
    expect(named).toContain(`${account} ${region}`);
  }
}

async function checkImage(endpoint: string, fleet: Fleet, image: Image, bearing: readonly Bearing[]): Promise<void> {
  const home = image.locations.find((location) => isReadable(fleet, location));
  const scan = home && (await scanOf(endpoint, home, image.digest));
  if (image.scan.state === 'complete' && home && scan) {
    expect({ digest: image.digest, status: scan.status }).toEqual({ digest: image.digest, status: 'COMPLETE' });
    expect(image.findings).toBe(scan.findings.length);
    const rules = fleet.policy.severities as { severities: string[] }[];
    const severities = new Set(rules.flatMap((rule) => rule.severities));
    const expected = scan.findings
      .filter(({ severity }) => severities.has(severity?.toLowerCase() ?? ''))
      .map((finding) => `${finding.name} ${attribute(finding, 'package_name')}`);
    expect([...new Set(findingsClaimed(image))]).toEqual([...new Set(expected)].sort());
  } else {
    expect(image.outcome).not.toBe('compliant');
  }
  if (home && image.scan.reason !== 'image-not-found') await checkAge(endpoint, home, image, bearing);
}

/** What a running image is built on was scanned, and is counted though nothing runs it. */
async function checkAncestors(endpoint: string, result: DemoResult, bearing: readonly Bearing[]): Promise<void> {
  const running = new Set(result.images.map(({ digest }) => digest));
  const parents = new Set(result.images.flatMap(({ parentDigest: builtOn }) => builtOn ?? []));
  const ancestors = new Set(
    bearing
      .filter(({ digest }) => parents.has(digest))
      .flatMap((one) => [one, ...below(one, bearing)])
      .filter(({ digest }) => !running.has(digest)),
  );
  expect(result.ancestors.found).toBeGreaterThanOrEqual(ancestors.size);
  const scans = [...ancestors].map(async ({ home, digest }) => (await scanOf(endpoint, home, digest)).status);
  expect((await Promise.all(scans)).filter((status) => status === 'ScanNotFoundException')).toEqual([]);
}

const isPlausible = (created: number | undefined): created is number =>
  created !== undefined && created >= PLAUSIBLE_FROM && created <= Date.now();

const isOld = (bornAtEpochMs: number): boolean => Date.now() - bornAtEpochMs > 30 * DAY_MS;

async function checkAge(
  endpoint: string,
  home: Image['locations'][number],
  image: Image,
  bearing: readonly Bearing[],
): Promise<void> {
  const made = await madeOf(endpoint, home, image.digest);
  if (!made) return;
  const lineage = below(made, bearing);
  checkParent(image, made.layers, lineage, bearing);
  const { createdEpochMs: created } = made;
  if (!isPlausible(created)) return;
  // Other evidence may say that it is older, never that it is younger.
  expect(image.bornAtEpochMs ?? Number.POSITIVE_INFINITY).toBeLessThanOrEqual(created);
  const age = image.reasons.find(
    ({ kind, effect }) => kind === 'age' && (effect === 'violates' || effect === 'waived'),
  );
  const decider = bearing.find(({ digest }) => digest === age?.decidedBy);
  if (age?.decidedBy !== undefined) expect(lineage.map(({ digest }) => digest)).toContain(age.decidedBy);
  if (decider && isPlausible(decider.createdEpochMs)) expect(isOld(decider.createdEpochMs)).toBe(true);
  // Counted from the lowest base; no other image is below it whose date could tell against its own.
  const lowest = lineage.find(({ tier }) => tier === 'base');
  const isOfOldBase = lowest !== undefined && isPlausible(lowest.createdEpochMs) && isOld(lowest.createdEpochMs);
  const expected = isOld(image.bornAtEpochMs ?? 0) || isOfOldBase || decider !== undefined;
  expect({ digest: image.digest, old: age !== undefined }).toEqual({ digest: image.digest, old: expected });
}

/** The longest beginning; of several images with the same layers any of them, and none where the layers are a twin's. */
function checkParent(
  { digest, parentDigest: builtOn }: Image,
  layers: readonly string[],
  lineage: readonly Bearing[],
  bearing: readonly Bearing[],
): void {
  const isTwin = bearing.some((one) => one.digest !== digest && one.layers.join() === layers.join());
  if (isTwin) return;
  const longest = lineage.at(-1)?.layers.length;
  const parents = lineage.filter((one) => one.layers.length === longest).map((one) => one.digest);
  if (parents.length === 0) expect({ digest, parentDigest: builtOn }).toEqual({ digest });
  else expect(parents).toContain(builtOn);
}

async function checkExecution(endpoint: string, fleet: Fleet, { execution }: DemoResult): Promise<void> {
  const { status } = await new SFNClient(configOf(endpoint, fleet.hub)).send(
    new DescribeExecutionCommand({ executionArn: execution.arn }),
  );
  expect(status).toBe(execution.status);
}
