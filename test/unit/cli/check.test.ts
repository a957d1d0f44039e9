import { jest } from '@jest/globals';
import { checkCommand } from '../../../cli/commands/check.ts';
import { EXIT, NotFoundError, UsageError } from '../../../cli/errors.ts';
import { handleHeadEvents } from '../../../functions/lineage/head-events.ts';
import { handleScanEvents } from '../../../functions/policy-evaluation/scan-events.ts';
import { handleCheckRequests } from '../../../functions/registry-events/check-requests.ts';
import type { Digest } from '../../../shared/domain/image/image.ts';
import { repositoryName } from '../../../shared/domain/image/reference.ts';
import { policySchema } from '../../../shared/domain/policy/policy.ts';
import type { Finding } from '../../../shared/domain/scan/finding.ts';
import { logger } from '../../../shared/lambda/powertools.ts';
import { parse } from '../../../shared/schema.ts';
import { digestOf } from '../../support/samples.ts';
import { resultsIn } from '../../support/sarif.ts';
import { LINE, LOCATION, messages, type PushWorld, portsOf, pushed, pushWorld } from '../registry-events/support.ts';
import { cliContext, run } from './support.ts';

beforeEach(() => void jest.spyOn(logger, 'warn').mockImplementation(() => undefined));
afterEach(() => jest.restoreAllMocks());

const REPOSITORY = repositoryName(LOCATION);
const CRITICAL: Finding = {
  ...{ vulnerability: 'CVE-2026-1', package: 'openssl', version: '3.0.1', severity: 'critical', fix: 'unknown' },
};

/** A repository of the policy, which scans at once; nothing of it runs. */
async function candidateWorld(): Promise<PushWorld> {
  const world = await pushWorld();
  const { policy, version: replaces } = await world.policies.current();
  const severities = [{ id: 'no-critical', severities: ['critical'], graceDays: 0 }];
  await world.policies.publish(parse(policySchema, { ...policy, severities }), { replaces });
  return world;
}

/** What the functions of the hub do with what lies in their queues. */
async function hub(world: PushWorld): Promise<void> {
  await handleCheckRequests(portsOf(world), messages(world.refreshes.take()));
  await handleHeadEvents(world, messages(world.following.take()));
  await handleScanEvents(world, messages(world.judging.take()));
}

interface Question {
  readonly image?: string;
  readonly flags?: Readonly<Record<string, string | boolean>>;
  /** What happens while the command waits, by default what the hub does. */
  readonly meanwhile?: (world: PushWorld) => Promise<void>;
  readonly tags?: Readonly<Record<string, Digest>>;
}

async function check(world: PushWorld, { image, flags = {}, meanwhile = hub, tags = {} }: Question = {}) {
  let progress = '';
  const written = jest.spyOn(process.stderr, 'write').mockImplementation((text) => {
    progress += String(text);
    return true;
  });
  const context = {
    ...cliContext(world),
    tags: {
      ...cliContext(world).tags,
      digestOf: async (_: unknown, tag: string) => tags[tag] ?? Promise.reject(new NotFoundError(tag)),
    },
    pauses: {
      wait: async () => {
        world.advance(20_000);
        await meanwhile(world);
      },
    },
  };
  try {
    const done = await run(checkCommand, context, [image ?? `${REPOSITORY}@${digestOf('new')}`], flags);
    return { ...done, progress: progress.split('\n').filter((line) => line !== '') };
  } finally {
    written.mockRestore();
  }
}

test('an image that was just pushed is read, scanned, placed and judged, although nothing runs it', async () => {
  const world = await candidateWorld();
  pushed(world, { name: 'new', tag: 'feature-1' });
  const { code, text, progress } = await check(world);
  expect([code, text]).toEqual([EXIT.done, expect.stringContaining('compliant (os)')]);
  expect(progress[0]).toBe('Waiting for Patchwave to find the image in 111122223333/eu-west-1/team/web');
  expect(world.scanner.started).toHaveLength(1);
  expect(world.images.records.get(digestOf('new'))).toMatchObject({ inUse: false, isHead: false });
});

test('a violation gives exit code 3, with its rule', async () => {
  const world = await candidateWorld();
  pushed(world, { name: 'new' });
  world.scanner.finds(digestOf('new'), [CRITICAL]);
  const { code, text } = await check(world);
  expect(code).toBe(EXIT.violating);
  expect(text).toContain('violates no-critical: critical CVE-2026-1 in openssl 3.0.1');
});

test('a verdict that counts is answered at once, and nothing is requested', async () => {
  const world = await candidateWorld();
  pushed(world, { name: 'new' });
  await check(world);
  const { code, progress } = await check(world, {
    meanwhile: async () => {
      throw new Error('it waits');
    },
  });
  expect([code, progress, world.refreshes.isEmpty]).toEqual([EXIT.done, [], true]);
});

test('an index is judged by its strictest image', async () => {
  const world = await candidateWorld();
  pushed(world, { name: 'arm', platform: 'linux/arm64' });
  pushed(world, { name: 'amd', platform: 'linux/amd64' });
  pushed(world, { name: 'new', children: { 'linux/arm64': 'arm', 'linux/amd64': 'amd' } });
  world.scanner.finds(digestOf('amd'), [CRITICAL]);
  const { code, text } = await check(world, { flags: { json: true } });
  expect(code).toBe(EXIT.violating);
  expect(JSON.parse(text)).toMatchObject({ digest: digestOf('new'), status: 'violating', location: LOCATION });
  const { images } = JSON.parse(text) as { images: { digest: string; status: string }[] };
  expect(images.find(({ digest }) => digest === digestOf('amd'))).toMatchObject({
    status: 'violating',
    covers: ['os'],
  });
});

test('a scan that does not end in time is unknown: exit code 4', async () => {
  const world = await candidateWorld();
  world.scanner.completesAtOnce = false;
  pushed(world, { name: 'new' });
  const { code, text, progress } = await check(world, { flags: { wait: '2' } });
  expect(code).toBe(EXIT.unknown);
  expect(text).toContain('scan-required: scan requested');
  expect(progress.at(-1)).toMatch(/^Waiting for scan requested/);
});

test('a request that is lost is sent again, and requests no second scan', async () => {
  const world = await candidateWorld();
  pushed(world, { name: 'new' });
  let looks = 0;
  const { code } = await check(world, {
    meanwhile: async () => {
      looks += 1;
      if (looks === 1) world.refreshes.take();
      await hub(world);
    },
  });
  expect(code).toBe(EXIT.done);
  expect(looks).toBeGreaterThan(10);
  expect(world.scanner.started).toHaveLength(1);
});

test('with --wait 0 the image is requested once, and the answer is unknown', async () => {
  const world = await candidateWorld();
  pushed(world, { name: 'new' });
  const { code, progress, text } = await check(world, { flags: { wait: '0' } });
  expect([code, progress]).toEqual([EXIT.unknown, []]);
  // Nothing has looked there yet, so it says nothing about the repository.
  expect(text).toContain('Patchwave was asked just now to look for the image there. Run the command again, or');
  expect(text).not.toContain('does not have');
  await hub(world);
  await hub(world);
  expect((await check(world, { flags: { wait: '0' } })).code).toBe(EXIT.done);
});

test('an image that the registry does not have is unknown, and gets no record', async () => {
  const world = await candidateWorld();
  const { code, text } = await check(world, { flags: { wait: '1' } });
  expect([code, text]).toEqual([EXIT.unknown, expect.stringContaining('Patchwave to find the image in')]);
  expect(world.images.records.size).toBe(0);
});

test('a verdict does not count in a repository that only a workload names, until a push there is seen', async () => {
  const world = await candidateWorld();
  const named = { digest: digestOf('new'), location: LOCATION, tags: [], askedTags: ['v1'], thereSinceEpochMs: 0 };
  await world.places.recordLocation(named);
  const elsewhere = { ...LOCATION, repository: 'team/other' };
  pushed(world, { name: 'new', location: elsewhere });
  expect((await check(world, { image: `${repositoryName(elsewhere)}@${digestOf('new')}` })).code).toBe(EXIT.done);
  expect(world.images.records.get(digestOf('new'))?.locations).toContainEqual(LOCATION);
  const { code, text } = await check(world, { flags: { wait: '1' } });
  expect([code, text]).toEqual([EXIT.unknown, expect.stringContaining('The repository does not have the image')]);
  pushed(world, { name: 'new' });
  expect((await check(world)).code).toBe(EXIT.done);
});

test('a registry that cannot be read is unknown, with this reason', async () => {
  const world = await candidateWorld();
  pushed(world, { name: 'new' });
  world.registry.deny(LOCATION);
  const { code, text } = await check(world, { flags: { wait: '1' } });
  expect([code, text]).toEqual([EXIT.unknown, expect.stringContaining('Patchwave cannot read the registry')]);
  expect(world.images.records.size).toBe(0);
});

test('a tag means what the registry says, not the last push of which Patchwave knows', async () => {
  const world = await candidateWorld();
  pushed(world, { name: 'old', tag: 'main' });
  await check(world, { image: `${REPOSITORY}:main`, tags: { main: digestOf('old') } });
  world.scanner.finds(digestOf('new'), [CRITICAL]);
  pushed(world, { name: 'new', tag: 'main' });
  const { code, text } = await check(world, { image: `${REPOSITORY}:main`, tags: { main: digestOf('new') } });
  expect([code, text]).toEqual([EXIT.violating, expect.stringContaining(digestOf('new'))]);
  await expect(check(world, { image: `${REPOSITORY}:gone` })).rejects.toThrow(NotFoundError);
});

test('a place names the image too, and a digest alone if Patchwave knows where it is', async () => {
  const world = await candidateWorld();
  pushed(world, { name: 'new' });
  const { code } = await check(world, { image: `111122223333/eu-west-1/team/web@${digestOf('new')}` });
  expect([code, (await check(world, { image: digestOf('new') })).code]).toEqual([EXIT.done, EXIT.done]);
  const other = await check(world, { image: digestOf('other') });
  expect([other.code, other.text]).toEqual([EXIT.unknown, expect.stringContaining('Name it with its repository')]);
});

test('a verdict says nothing about a repository where Patchwave has not seen the image', async () => {
  const world = await candidateWorld();
  pushed(world, { name: 'new' });
  expect((await check(world)).code).toBe(EXIT.done);
  for (const repository of ['team/other', 'others/web']) {
    const image = `111122223333/eu-west-1/${repository}@${digestOf('new')}`;
    const { code, text } = await check(world, { image, flags: { wait: '1' } });
    expect([code, text]).toEqual([
      EXIT.unknown,
      expect.stringContaining(`find the image in 111122223333/eu-west-1/${repository}`),
    ]);
  }
});

describe('credentials that may not request a verdict', () => {
  const refuse = (world: PushWorld, name: string) =>
    jest.spyOn(world.refreshes, 'send').mockRejectedValue(Object.assign(new Error(name), { name }));

  test('wait for a verdict that comes without it, and name the missing right if none comes', async () => {
    const world = await candidateWorld();
    pushed(world, { name: 'new' });
    const refused = refuse(world, 'AccessDenied');
    const { code, text } = await check(world, { flags: { wait: '1' } });
    expect([code, text]).toEqual([EXIT.unknown, expect.stringContaining('may not request the verdict')]);
    refused.mockRestore();
    const request = { kind: 'refresh', stream: LINE, digest: digestOf('new'), judges: true } as const;
    await world.refreshes.send([request]);
    refuse(world, 'AccessDenied');
    expect(await check(world)).toMatchObject({ code: EXIT.done, text: expect.not.stringContaining('request') });
  });

  test('is not what any other error means', async () => {
    const world = await candidateWorld();
    refuse(world, 'QueueDoesNotExist');
    await expect(check(world)).rejects.toThrow('QueueDoesNotExist');
  });
});

test('an image in a repository that no rule names is unknown, with the next step', async () => {
  const world = await candidateWorld();
  const image = `111122223333/eu-west-1/others/web@${digestOf('new')}`;
  const { code, text } = await check(world, { image });
  expect([code, text]).toEqual([EXIT.unknown, expect.stringContaining('Add a rule for the repository.')]);
  expect(world.refreshes.isEmpty).toBe(true);
});

test('--sarif has a result for each violation, and a warning where something is unknown', async () => {
  const world = await candidateWorld();
  pushed(world, { name: 'new' });
  const waiting = await check(world, { flags: { wait: '0', sarif: true } });
  expect(resultsIn(waiting.text)).toMatchObject([{ ruleId: 'verdict-known', level: 'warning' }]);
  world.scanner.finds(digestOf('new'), [CRITICAL, { ...CRITICAL, vulnerability: 'CVE-2026-2' }]);
  const { code, text } = await check(world, { flags: { sarif: true } });
  expect(code).toBe(EXIT.violating);
  expect(resultsIn(text)).toMatchObject([
    { ruleId: 'no-critical', level: 'error' },
    { ruleId: 'no-critical', level: 'error' },
  ]);
  expect(text).not.toContain('age-known');
});

test.each(['-1', '181', 'soon', ''])('--wait %s is refused', async (wait) => {
  await expect(check(await candidateWorld(), { flags: { wait } })).rejects.toThrow(UsageError);
});

test.each(['sha256:0d5c4e12', '0d5c4e12'])(
  '%s is a part of a digest, and the error says how to see all',
  async (image) => {
    await expect(check(await candidateWorld(), { image })).rejects.toThrow(`this shows it: patchwave why ${image}`);
  },
);

test.each(['nginx', 'ghcr.io/acme/web:1', 'Web:1'])('%s is refused: it is no image of Amazon ECR', async (image) => {
  await expect(check(await candidateWorld(), { image })).rejects.toThrow(UsageError);
});
