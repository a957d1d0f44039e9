import type { CliContext } from '../../../cli/command.ts';
import { findImages } from '../../../cli/explain/find-image.ts';
import type { Digest } from '../../../shared/domain/image/image.ts';
import { DAY_MS, digestOf, imageProperties, usage } from '../../support/samples.ts';
import { locationOf, type PlanWorld, planWorld, pushed, streamOf } from '../cascade-plan/support.ts';
import { readOnlyContext } from './support.ts';

const HOST = '111122223333.dkr.ecr.eu-west-1.amazonaws.com';
const PLACE = '111122223333/eu-west-1';
const SCOPE = { account: '111122223333', region: 'eu-west-1' };

/**
 * One repository runs an image older than its head; one has a head alone, which is built on an image that nothing runs and is
 * no head; and an index holds that head.
 */
async function world(): Promise<PlanWorld> {
  const world = await planWorld();
  await pushed(world, 0, 'running', { tags: ['v1'] });
  await pushed(world, 0, 'newer', { tags: ['v2'], pushedAtEpochMs: world.clock() - DAY_MS });
  await pushed(world, 1, 'head', { tags: ['v7'] });
  await pushed(world, 2, 'below');
  const place = { digest: digestOf('running'), reference: `${HOST}/${locationOf(0).repository}:v1` };
  await world.usages.record([usage('running', place)], world.clock());
  await world.images.recordPresence(digestOf('running'), { inUse: true });
  await world.scopes.record({ scope: SCOPE, completeAtEpochMs: world.clock() });
  await world.places.recordIndex(
    digestOf('index'),
    [{ digest: digestOf('head'), platform: 'linux/arm64' }],
    world.clock(),
  );
  const age = { known: true, bornAtEpochMs: 1, decidedBy: digestOf('below') } as const;
  const parent = { digest: digestOf('below'), evidence: 'layers' } as const;
  await world.images.recordLineage(digestOf('head'), { parent, age });
  await pushed(world, 0, 'newest', { tags: ['candidate-9'] });
  const lonely = { ...imageProperties('lonely'), locations: [{ ...locationOf(0), repository: 'tools/lonely' }] };
  await world.images.recordProperties(lonely);
  return world;
}

/** With the tags of now; `5` moved on from the image in tools/lonely. */
function contextOf(world: PlanWorld): CliContext {
  return {
    ...readOnlyContext(world),
    lineage: async () => ({
      images: [...world.images.records.values()].map((image) => ({
        ...image,
        layered: { digest: image.digest, layers: [], names: [] },
        presentNames: image.digest === digestOf('lonely') ? [`${HOST}/tools/lonely:9`] : [],
      })),
      indexes: new Map([[digestOf('index'), [{ digest: digestOf('head'), platform: 'linux/arm64' as const }]]]),
    }),
  };
}

const short = (name: string): string => digestOf(name).slice(0, 'sha256:'.length + 12);

test.each<[what: string, text: string, found: readonly string[]]>([
  ['a digest', digestOf('running'), ['running']],
  ['the beginning of a digest that runs', short('running'), ['running']],
  ['the beginning without its algorithm', short('running').slice('sha256:'.length), ['running']],
  ['the beginning of a head that does not run', short('head'), ['head']],
  ['the beginning of what a head is built on', short('below'), ['below']],
  ['an index, which is the images that it holds', digestOf('index'), ['head']],
  ['a reference', `${HOST}/team/app-0:v1`, ['running']],
  ['the end of a reference', 'app-0:v1', ['running']],
  ['a repository of which something runs', 'team/app-0', ['running']],
  ['a repository of which nothing runs, by its head', 'team/app-1', ['head']],
  ['a tag of that', 'team/app-1:v7', ['head']],
  ['a tag that nothing runs by', 'team/app-0:v2', ['newer']],
  ['a place, as status and the report print it', `${PLACE}/team/app-0`, ['running']],
  ['a place with a tag', `${PLACE}/team/app-1:v7`, ['head']],
  ['a stream by what runs of it', streamOf(0), ['running']],
  ['a stream by its head', streamOf(1), ['head']],
  ['three characters of a digest', digestOf('running').slice(0, 'sha256:'.length + 3), ['running']],
  ['a repository with a digest', `team/app-0@${digestOf('newer')}`, ['newer']],
  ['a place with the beginning of a digest', `${PLACE}/team/app-0@${short('running')}`, ['running']],
  ['a host with an index', `${HOST}/team/app-1@${digestOf('index')}`, ['head']],
  ['the beginning of an index', short('index'), ['head']],
  ['the beginning of an image that nothing uses', short('newest'), ['newest']],
  ['the tag of such an image', 'tools/lonely:9', ['lonely']],
  ['its repository', 'lonely', ['lonely']],
  ['its place with its tag', `${PLACE}/tools/lonely:9`, ['lonely']],
])('%s', async (_what, text, found) => {
  const digests: readonly Digest[] = found.map(digestOf);
  expect(await findImages(contextOf(await world()), text)).toEqual(digests);
});

test.each<[text: string, says: RegExp]>([
  ['team/ap-1', /Did you mean:\n {2}team\/app-1$/m],
  [`${PLACE}/team/ap-1`, /Did you mean:\n {2}111122223333\/eu-west-1\/team\/app-[01]$/m],
  [streamOf(1).replace('app', 'apq'), /The ledger knows no stream .* Did you mean:\n/],
  ['sha256:xyz', /is not a digest. Give its first characters/],
  ['sha256:ffffffffff', /begins with sha256:ffffffffff/],
  ['ffffffffff', /begins with sha256:ffffffffff/],
  [
    `team/app-1@${digestOf('running')}`,
    /No image of "team\/app-1" has a digest that begins with .* It is in: .*team\/app-0\.$/,
  ],
  ['tools/lonely:5', /No image is called "tools\/lonely:5" now\. .*Did you mean:\n {2}tools\/lonely$/s],
  [' ', /Which image\?/],
])('nothing is called "%s": what is near is named', async (text, says) => {
  await expect(findImages(contextOf(await world()), text)).rejects.toThrow(says);
});

test('without the permission to read the whole ledger, the error names it', async () => {
  const lineage = async () => {
    throw Object.assign(new Error('not authorized'), { name: 'AccessDeniedException' });
  };
  const context = { ...contextOf(await world()), lineage };
  expect(await findImages(context, 'app-0:v1')).toEqual([digestOf('running')]);
  for (const text of ['lonely', 'ffffff', short('newest')])
    await expect(findImages(context, text)).rejects.toThrow(/needs dynamodb:Scan/);
  const broken = async () => {
    throw new Error('throttled');
  };
  await expect(findImages({ ...context, lineage: broken }, 'lonely')).rejects.toThrow('throttled');
});
