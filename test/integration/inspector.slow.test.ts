import { eventually } from '../../local/cloud/probe.ts';
import { parseFleet } from '../../local/fleet/load.ts';
import type { FleetFile } from '../../local/fleet/schema.ts';
import type { Digest } from '../../shared/domain/image/image.ts';
import { CLUSTER, FLAW, HUB, TEAM } from '../support/acting-fleet.ts';
import { useInstallation } from '../support/installation.ts';
import { callsOf } from '../support/readings.ts';

const LIMIT_MS = 90_000;

interface InspectedApp {
  readonly name: string;
  readonly repository: string;
  readonly image: Partial<NonNullable<FleetFile['images']>[number]>;
  readonly scan: object;
  readonly verdict: object;
}

const unknown = (state: string, scanReason: string) => ({
  scan: { state, reason: scanReason },
  verdict: { status: 'unknown', reasons: [{ ruleId: 'scan-required', state, scanReason }] },
});

/** Each application in the registry with enhanced scanning, and what Patchwave must know of its image. */
const APPS: readonly InspectedApp[] = [
  {
    ...{ name: 'clean', repository: 'apps/clean', image: {} },
    scan: { state: 'continuous', watchedAtEpochMs: expect.any(Number), coverage: ['os', 'language'] },
    verdict: { status: 'compliant', reasons: [] },
  },
  {
    ...{ name: 'vulnerable', repository: 'apps/vulnerable', image: { packages: { [FLAW.package]: '3.0.13-1' } } },
    scan: { state: 'continuous', watchedAtEpochMs: expect.any(Number) },
    verdict: {
      status: 'violating',
      reasons: [
        {
          ...{ kind: 'finding', vulnerability: FLAW.id, package: FLAW.package, fix: 'yes' },
          layer: expect.stringMatching(/^sha256:/),
        },
      ],
    },
  },
  {
    ...{ name: 'pending', repository: 'apps/pending', image: { inspection: 'pending' } },
    ...unknown('requested', 'in-progress'),
  },
  {
    ...{ name: 'expired', repository: 'apps/expired', image: { inspection: 'expired' } },
    ...unknown('expired', 'expired'),
  },
  {
    ...{ name: 'unsupported', repository: 'apps/unsupported', image: { inspection: 'unsupported' } },
    ...unknown('unsupported', 'unsupported-os'),
  },
  { ...{ name: 'off', repository: 'other/off', image: {} }, ...unknown('off', 'not-covered') },
];

const fleet = () =>
  parseFleet(
    {
      name: 'enhanced scanning',
      hub: HUB,
      organization: { id: 'o-a1b2c3d4e5' },
      accounts: [
        { id: HUB.account, name: 'platform', regions: [HUB.region] },
        { id: TEAM.account, name: 'team', regions: [TEAM.region] },
      ],
      vulnerabilities: [{ ...FLAW, severity: 'CRITICAL', publishedDaysAgo: 3 }],
      registries: [{ ...TEAM, scanType: 'ENHANCED', scanFilters: ['apps/*'] }],
      repositories: [{ ...HUB, name: 'base/debian' }, ...APPS.map(({ repository }) => ({ ...TEAM, name: repository }))],
      images: [
        {
          ...{ name: 'base', ...HUB, repository: 'base/debian', tags: ['12'], os: 'debian' },
          ...{ pushedDaysAgo: 5, createdDaysAgo: 5, packages: { 'base-files': '12.4' } },
        },
        ...APPS.map(({ name, repository, image: { packages, ...image } }) => ({
          ...{ name, ...TEAM, repository, tags: ['stable'], parent: 'base', pushedDaysAgo: 4, createdDaysAgo: 4 },
          ...image,
          packages: { [`${name}-files`]: '1.0', ...packages },
        })),
      ],
      clusters: [{ ...TEAM, name: CLUSTER }],
      workloads: APPS.map(({ name }) => ({
        ...{ name, ...TEAM, cluster: CLUSTER, kind: 'service' as const, startedDaysAgo: 2 },
        containers: [{ name: 'app', image: name }],
      })),
      policy: {
        version: 1,
        mode: 'report-only',
        ages: { default: { limitDays: 30, warnAtPercent: 80 } },
        severities: [{ id: 'no-critical', severities: ['critical'], graceDays: 0, urgent: true }],
        streams: [
          {
            ...{ id: 'base', tier: 'base', account: HUB.account, regions: [HUB.region], owner: 'platform' },
            ...{ repositories: ['base/debian'], headTags: ['^12$'] },
          },
          {
            ...{ id: 'apps', tier: 'application', account: TEAM.account, regions: [TEAM.region], owner: 'team' },
            ...{ repositories: ['apps/*', 'other/*'], headTags: ['^stable$'] },
          },
        ],
      },
    },
    'the fleet with enhanced scanning',
  );

describe('a registry with enhanced scanning', () => {
  const installation = useInstallation(fleet);
  const digestOf = (name: string): Digest => installation().seeded.images.get(name)?.digest as Digest;
  const imageOf = async (name: string) => {
    const digest = digestOf(name);
    return (await installation().context.images.get([digest])).get(digest);
  };

  test(
    'each image has its own state and verdict, and no scan is requested',
    async () => {
      const { cloud, review } = installation();
      await cloud.admin.clearCalls();
      expect(await review()).toMatchObject({ status: 'SUCCEEDED' });
      const found = await Promise.all(APPS.map(async ({ name }) => ({ name, image: await imageOf(name) })));
      for (const { name, scan, verdict } of APPS)
        expect(found.find((one) => one.name === name)).toMatchObject({ name, image: { scan, verdict } });

      const calls = await callsOf(installation());
      // That of the base, whose registry has basic scanning.
      expect(calls.get('ecr:StartImageScan')).toBe(1);
      expect(calls.get('inspector2:ListCoverage')).toBeGreaterThan(0);
    },
    LIMIT_MS,
  );

  test(
    'an event of Amazon Inspector has its image read, without a review',
    async () => {
      const { cloud } = installation();
      const before = await imageOf('clean');
      const repository = `arn:aws:ecr:${TEAM.region}:${TEAM.account}:repository/apps/clean`;
      await cloud.admin.publishServiceEvents(TEAM.account, TEAM.region, [
        {
          ...{ source: 'aws.inspector2', detailType: 'Inspector2 Scan', resources: [repository] },
          detail: {
            'scan-status': 'INITIAL_SCAN_COMPLETE',
            'repository-name': repository,
            'image-digest': digestOf('clean'),
          },
        },
      ]);
      await eventually(
        async () => {
          const { watchedAtEpochMs = 0 } = (await imageOf('clean'))?.scan ?? {};
          return watchedAtEpochMs > (before?.scan.watchedAtEpochMs ?? 0) ? true : undefined;
        },
        'a read of the image',
        30_000,
      );
    },
    LIMIT_MS,
  );

  test(
    'the next review confirms the clean image anew, and requests no scan',
    async () => {
      const { cloud, review } = installation();
      const before = await imageOf('clean');
      await cloud.admin.clearCalls();
      expect(await review()).toMatchObject({ status: 'SUCCEEDED' });
      const after = await imageOf('clean');
      expect(after?.verdict).toMatchObject({ status: 'compliant' });
      expect(after?.scan).not.toHaveProperty('requestedAtEpochMs');
      expect(after?.scan.watchedAtEpochMs).toBeGreaterThan(before?.scan.watchedAtEpochMs ?? Number.NaN);
      expect((await callsOf(installation())).get('ecr:StartImageScan') ?? 0).toBe(0);
    },
    LIMIT_MS,
  );
});

describe('a delegated administrator of Amazon Inspector', () => {
  const installation = useInstallation(fleet, { parameters: { InspectorAccountId: HUB.account } });

  test(
    'is asked in the place of the account that has the registry',
    async () => {
      const { cloud, context, review, seeded } = installation();
      await cloud.admin.clearCalls();
      expect(await review()).toMatchObject({ status: 'SUCCEEDED' });
      const digests = new Map(APPS.map(({ name }) => [name, seeded.images.get(name)?.digest as Digest]));
      const images = await context.images.get([...digests.values()]);
      for (const { name, scan, verdict } of APPS)
        expect({ name, image: images.get(digests.get(name) as Digest) }).toMatchObject({
          name,
          image: { scan, verdict },
        });
      const asked = (await cloud.admin.calls()).filter(({ service }) => service === 'inspector2');
      expect(new Set(asked.map(({ account }) => account))).toEqual(new Set([HUB.account]));
      expect(new Set(asked.map(({ operation }) => operation))).toEqual(new Set(['ListCoverage', 'ListFindings']));
    },
    LIMIT_MS,
  );
});
