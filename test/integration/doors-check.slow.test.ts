import { doorsCommand } from '../../cli/commands/doors.ts';
import { statusCommand } from '../../cli/commands/status.ts';
import { EXIT } from '../../cli/errors.ts';
import { parseFleet } from '../../local/fleet/load.ts';
import { subscribe } from '../support/bus.ts';
import { useInstallation } from '../support/installation.ts';
import { run } from '../unit/cli/support.ts';

const HUB = { account: '111122223333', region: 'us-east-1' };
const KEY = `${HUB.account}/${HUB.region}`;
const LIMIT_MS = 120_000;

/** The first review finds the old image in `main`: its grace of three days begins there. The door of `prod`, in ECS, gives the same. */
const fleet = () =>
  parseFleet(
    {
      ...{ name: 'doors-check', hub: HUB },
      accounts: [{ id: HUB.account, name: 'platform', regions: [HUB.region] }],
      repositories: [{ ...HUB, name: 'app' }],
      images: [
        { name: 'young', ...HUB, repository: 'app', tags: ['2'], os: 'debian', pushedDaysAgo: 5 },
        { name: 'old', ...HUB, repository: 'app', tags: ['1'], os: 'debian', pushedDaysAgo: 50 },
      ],
      clusters: [{ ...HUB, name: 'prod' }],
      workloads: [
        {
          ...HUB,
          cluster: 'prod',
          name: 'web',
          kind: 'service',
          count: 1,
          containers: [{ name: 'app', image: 'young' }],
        },
      ],
      kubernetesClusters: [{ ...HUB, name: 'main' }],
      kubernetesWorkloads: ['young', 'old'].map((image) => ({
        ...{ ...HUB, cluster: 'main', namespace: 'shop', name: image, kind: 'deployment' },
        containers: [{ name: 'app', image, reference: 'digest' }],
      })),
      policy: {
        ...{ version: 1, scopes: [{ account: HUB.account, regions: [HUB.region] }] },
        ...{
          ages: { default: { limitDays: 30 } },
          severities: [{ id: 'critical', severities: ['critical'], graceDays: 0 }],
        },
        streams: [
          {
            ...{ id: 'app', tier: 'base', account: HUB.account, regions: [HUB.region], repositories: ['app'] },
            ...{ headTags: ['^\\d+$'], owner: 'shop', parents: [] },
          },
        ],
        doors: { mode: 'deny', graceRunningDays: 3 },
      },
    },
    'doors-check',
  );

const installation = useInstallation(fleet);

test(
  'what a door will refuse is announced once, reported and counted',
  async () => {
    const { review, context, deployment, seeded } = installation();
    const inbox = await subscribe(installation(), deployment.busArn, { 'detail-type': ['WillBeDenied'] });
    for (const times of ['first', 'second']) {
      const { status, cause } = await review();
      expect([times, status, cause]).toEqual([times, 'SUCCEEDED', undefined]);
    }
    await inbox.until(() => inbox.events.length > 0);
    const digest = seeded.images.get('old')?.digest;
    expect((await inbox.all()).map(({ detail }) => detail)).toMatchObject([
      {
        ...{ schemaVersion: 1, digest, account: HUB.account, region: HUB.region, cluster: 'main', namespace: 'shop' },
        ...{ owner: 'shop', workloads: ['eks-deployment shop/old'], ruleId: 'age-limit' },
      },
    ]);
    const report = JSON.parse(await context.reviews.report('json')) as object;
    expect(report).toMatchObject({ denials: { withinDays: 5, expected: [{ digest }], refused: 0 } });
    expect((await run(statusCommand, context)).text).toContain('1 image will be refused by a door within 5 days');
  },
  LIMIT_MS,
);

test(
  'doors check reads task definitions, and names the cluster that it may not read',
  async () => {
    const { context } = installation();
    const { code, text } = await run(doorsCommand, context, ['check']);
    expect(text).toMatch(/0 images would be refused\n.*\n {2}1 may start until the grace ends\n/);
    expect(text).toMatch(new RegExp(`${KEY}/main  its workload templates cannot be read: .*Next: Give your role`));
    expect(text).not.toContain(`${KEY}/prod `);
    expect(code).toBe(EXIT.unknown);
    const only = await run(doorsCommand, context, ['check'], { cluster: 'prod' });
    expect([only.code, only.text]).toEqual([EXIT.done, expect.stringContaining('1 would start, 0 where')]);
  },
  LIMIT_MS,
);
