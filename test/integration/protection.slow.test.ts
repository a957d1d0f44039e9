import { isDeepStrictEqual } from 'node:util';
import { DescribeImagesCommand, ECRClient } from '@aws-sdk/client-ecr';
import { IAMClient } from '@aws-sdk/client-iam';
import { protectionCommand } from '../../cli/commands/protection.ts';
import { whyCommand } from '../../cli/commands/why.ts';
import type { Fleet } from '../../local/fleet/schema.ts';
import { DAY_MS } from '../../shared/domain/common/time.ts';
import type { Digest, ImageLocation } from '../../shared/domain/image/image.ts';
import { protectingTag } from '../../shared/domain/retention/protecting-tag.ts';
import { HUB, TEAM } from '../support/acting-fleet.ts';
import { Grants, nameOf } from '../support/grants.ts';
import { useInstallation } from '../support/installation.ts';
import { checkNow, checkOf, giveLifecycle, invokeCheck } from '../support/protection.ts';
import { callsOf, hubOf } from '../support/readings.ts';
import { tieredFleet } from '../support/tiered-fleet.ts';
import { run } from '../unit/cli/support.ts';

const LIMIT_MS = 120_000;
const OS: ImageLocation = { ...HUB, repository: 'base/os' };
const SOUND: ImageLocation = { ...HUB, repository: 'base/sound' };
const SHOP: ImageLocation = { ...TEAM, repository: 'apps/shop' };
const BLOG: ImageLocation = { ...TEAM, repository: 'apps/blog' };
const ALL = [OS, SOUND, SHOP, BLOG];

const COVERING = {
  rulePriority: 1,
  selection: {
    ...{ tagStatus: 'tagged', tagPrefixList: ['patchwave-in-use-'] },
    ...{ countType: 'imageCountMoreThan', countNumber: 10_000 },
  },
  action: { type: 'expire' },
};
const expire = (countNumber: number) => [
  {
    rulePriority: 3,
    selection: { tagStatus: 'any', countType: 'sinceImagePushed', countUnit: 'days', countNumber },
    action: { type: 'expire' },
  },
];

/** Bases have a tag that stays, too: one is taken back only beside such a one. */
function fleet(): Fleet {
  const tiered = tieredFleet({
    bases: [{ name: 'os' }, { name: 'sound', sound: true }],
    platforms: [],
    apps: [
      { name: 'shop', parent: 'os' },
      { name: 'blog', parent: 'sound' },
    ],
    services: { shop: ['shop'], blog: ['blog'] },
  });
  const images = tiered.images.map((image) =>
    image.repository.startsWith('base/') ? { ...image, tags: [...(image.tags ?? []), '1.0.0'] } : image,
  );
  return { ...tiered, images };
}

const installation = useInstallation(fleet, { mode: 'report-only' });
const digestOf = (image: string): Digest =>
  installation().seeded.images.get(image)?.children.get('linux/amd64') as Digest;

test(
  'a base that its repository will delete while something runs on it is reported before, with when; a kept one is not',
  async () => {
    const { context, review, cloud } = installation();
    await giveLifecycle(installation(), OS, expire(20));
    await giveLifecycle(installation(), SOUND, expire(300));
    expect(await review()).toMatchObject({ status: 'SUCCEEDED' });
    await cloud.admin.clearCalls();
    const { expiries, checks } = await checkNow(installation(), ALL);

    const pushedAtEpochMs = (await context.places.locations(digestOf('os')))[0]?.firstPushSeenAtEpochMs ?? 0;
    expect(pushedAtEpochMs).toBeGreaterThan(0);
    const when = { by: 'age', expiresAtEpochMs: pushedAtEpochMs + 20 * DAY_MS };
    expect(expiries).toEqual([
      {
        ...{ digest: digestOf('os'), location: OS, use: 'ancestor', running: 1 },
        workloads: [expect.stringContaining('/main/shop')],
        expiryState: { state: 'expires', expiry: { rule: 3, action: 'expire', when } },
        foundAtEpochMs: expect.any(Number),
      },
    ]);
    expect(checks.map(({ images, unknown, failure }) => ({ images, unknown, failure }))).toEqual(
      ALL.map(() => ({ images: 1, unknown: 0 })),
    );
    // What has no policy is not listed, and nothing is written to any registry.
    const calls = await callsOf(installation());
    expect([...calls].filter(([name]) => name.startsWith('ecr:')).sort()).toEqual([
      ['ecr:DescribeImages', 2],
      ['ecr:GetLifecyclePolicy', 4],
    ]);
  },
  LIMIT_MS,
);

test(
  'the commands `protection` and `why` and the report show it',
  async () => {
    const { context, review } = installation();
    const listed = await run(protectionCommand, context, [], { 'exit-code': true });
    expect(listed).toMatchObject({ code: 3, text: expect.stringContaining(digestOf('os').slice(0, 19)) });
    expect((await run(whyCommand, context, [digestOf('os')])).text).toContain('Will expire');
    expect((await run(whyCommand, context, [digestOf('shop')])).text).toContain('No lifecycle policy is known');
    expect(await review()).toMatchObject({ status: 'SUCCEEDED' });
    const report = JSON.parse(await context.reviews.report('json')) as object;
    expect(report).toMatchObject({
      expiries: [{ digest: digestOf('os') }],
      expiryChecks: { repositories: 4, unseen: [] },
    });
  },
  LIMIT_MS,
);

test(
  'an account that denies reading lifecycle policies is named, and the others are checked',
  async () => {
    const { cloud } = installation();
    const member = new Grants(new IAMClient(cloud.clients(TEAM.account, TEAM.region)));
    const [grant] = (await member.of('PatchwaveRead')).filter(({ action }) => action === 'ecr:GetLifecyclePolicy');
    if (!grant) throw new Error('the read role may not read lifecycle policies');
    await giveLifecycle(installation(), OS, expire(300));
    const { expiries, checks } = await member.without(grant, () => checkNow(installation(), ALL));
    expect(expiries).toEqual([]);
    const failure = { error: 'RegistryUnreachableError', detail: expect.stringContaining('ecr:GetLifecyclePolicy') };
    expect(checkOf(checks, SHOP)).toMatchObject({ images: 1, unknown: 1, failure });
    expect(checkOf(checks, OS)).not.toHaveProperty('failure');
    const { code, text } = await run(protectionCommand, installation().context, [], { 'exit-code': true });
    expect(code).toBe(4);
    expect(text).toContain('apps/shop');
  },
  LIMIT_MS,
);

test(
  'if policy, account and rules allow it, a tag keeps the image; no review reads that tag, and it is removed after use',
  async () => {
    const { context, review, policy } = installation();
    const { version: replaces } = await context.policies.current();
    const acting = { ...policy, mode: 'enforce', protection: 'tag' } as const;
    await context.policies.publish(acting, { author: 'a test', atEpochMs: Date.now(), replaces });
    const stream = `${OS.account}/${OS.region}/${OS.repository}:^1$`;
    const head = (await context.streams.streams([stream])).get(stream)?.head;
    const tagsOf = async () => (await context.places.locations(digestOf('os'))).flatMap(({ tags }) => tags);
    const known = await tagsOf();

    await giveLifecycle(installation(), OS, expire(20));
    const refused = await checkNow(installation(), ALL);
    expect(refused.expiries).toMatchObject([{ refusal: { reason: 'no-covering-rule' } }]);

    await giveLifecycle(installation(), OS, [COVERING, ...expire(20)]);
    const tag = protectingTag(digestOf('os'));
    const kept = await checkNow(installation(), ALL);
    expect(kept.expiries).toEqual([]);
    expect(checkOf(kept.checks, OS)).toMatchObject({ tagged: 1 });
    expect(await standingTags()).toContain(tag);

    expect(await review()).toMatchObject({ status: 'SUCCEEDED' });
    expect((await context.streams.streams([stream])).get(stream)?.head).toEqual(head);
    expect(await tagsOf()).toEqual(known);

    const usages = await context.usages.ofImage(digestOf('shop'));
    await context.usages.end(usages, Date.now());
    await checkNow(installation(), [SOUND, BLOG]);
    expect(await standingTags()).toEqual(known);
  },
  LIMIT_MS,
);

test(
  'without any single permission of the function, or of the role that tags, something visible fails',
  async () => {
    const { cloud, context } = installation();
    const usages = await context.usages.ofImage(digestOf('blog'));
    /** Lost, kept by a tag, and needed no more. */
    const outcome = async (): Promise<unknown> => {
      await cloud.admin.endEnvironments();
      await giveLifecycle(installation(), SOUND, expire(20));
      const lost = [await invokeCheck(installation()), await recordedExpiries(SOUND)];
      await giveLifecycle(installation(), SOUND, [COVERING, ...expire(20)]);
      const kept = [await invokeCheck(installation()), await recordedExpiries(SOUND), await standingTags(SOUND)];
      await context.usages.end(usages, Date.now());
      const free = [await invokeCheck(installation()), await recordedExpiries(SOUND), await standingTags(SOUND)];
      await context.usages.record(usages, Date.now());
      return [lost, kept, free];
    };
    const expected = await outcome();
    expect(await outcome()).toEqual(expected);

    const hub = new Grants(new IAMClient(hubOf(installation())));
    const roles = [await hub.role('patchwave-ProtectionRole'), 'PatchwaveActProtect'];
    const grants = (await Promise.all(roles.map((role) => hub.of(role)))).flat();
    // The Lambda service itself writes the logs, and sets aside what failed.
    const ours = grants.filter(({ sid }) => sid !== 'WriteLogs' && sid !== 'SetAside');
    expect(ours.length).toBeGreaterThan(8);
    const unnoticed: string[] = [];
    for (const grant of ours) {
      const without = await hub.without(grant, outcome);
      if (isDeepStrictEqual(without, expected)) unnoticed.push(nameOf(grant));
      // Everything that was left half done is completed.
      await outcome();
    }
    expect(unnoticed).toEqual([]);
    expect(await outcome()).toEqual(expected);
  },
  5 * LIMIT_MS,
);

/** What the ledger says of a repository, without instants. */
async function recordedExpiries(location: ImageLocation): Promise<unknown> {
  const expiries = await Array.fromAsync(installation().context.expiries.of(location));
  return expiries.map(({ digest, refusal }) => ({ digest, reason: refusal?.reason }));
}

/** As the registry tells them. */
async function standingTags(location: ImageLocation = OS): Promise<readonly string[]> {
  const ecr = new ECRClient(installation().cloud.clients(location.account, location.region));
  const { imageDetails = [] } = await ecr.send(new DescribeImagesCommand({ repositoryName: location.repository }));
  return imageDetails.flatMap(({ imageTags = [] }) => imageTags);
}
