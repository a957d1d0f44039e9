import { DescribeImagesCommand, ECRClient } from '@aws-sdk/client-ecr';
import { checkCommand } from '../../cli/commands/check.ts';
import { contextOf } from '../../cli/context.ts';
import { EXIT } from '../../cli/errors.ts';
import type { ImageLocation } from '../../shared/domain/image/image.ts';
import { repositoryName } from '../../shared/domain/image/reference.ts';
import { useInstallation } from '../support/installation.ts';
import { operatorOf } from '../support/operator.ts';
import { apps, bases, platforms, services } from '../support/tiered-cases.ts';
import { tieredFleet } from '../support/tiered-fleet.ts';
import { run } from '../unit/cli/support.ts';

const LIMIT_MS = 300_000;

const installation = useInstallation(() => tieredFleet({ bases, platforms, apps, services }));

/** An application of the policy, and an image in its repository. */
async function pushedImage(): Promise<string> {
  const { cloud, context } = installation();
  const { policy } = await context.policies.current();
  const rule = policy.streams.find(({ tier }) => tier === 'application');
  const { account = '', regions: [region = ''] = [], repositories: [repository = ''] = [] } = rule ?? {};
  const location: ImageLocation = { account, region, repository };
  const ecr = new ECRClient(cloud.clients(account, region));
  const { imageDetails = [] } = await ecr.send(new DescribeImagesCommand({ repositoryName: repository }));
  return `${repositoryName(location)}@${imageDetails[0]?.imageDigest}`;
}

test(
  'before any review, a pipeline with only its documented permissions gets the verdict on what it pushed',
  async () => {
    const image = await pushedImage();
    const { images } = installation().context;
    const digest = image.slice(image.indexOf('@') + 1) as Parameters<typeof images.get>[0][number];
    expect(await images.get([digest])).toEqual(new Map());
    const pipeline = contextOf(installation().deployment, await operatorOf(installation(), 'pipeline', ['check']));
    const { code, text } = await run(checkCommand, pipeline, [image], { json: true, wait: '3' });
    const answer = JSON.parse(text) as { status: string; images: readonly { readonly reasons: readonly unknown[] }[] };
    expect(answer).toMatchObject({ digest, status: expect.not.stringMatching('unknown') });
    expect(code).toBe(answer.status === 'compliant' ? EXIT.done : EXIT.violating);
    expect((await images.get([digest])).get(digest)).toMatchObject({
      ...{ inUse: false, verdict: { status: answer.status } },
    });
  },
  LIMIT_MS,
);
