import { findImages } from '../../../cli/explain/find-image.ts';
import type { Digest } from '../../../shared/domain/image/image.ts';
import { DAY_MS, digestOf, usage } from '../../support/samples.ts';
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
  await world.places.recordIndex(digestOf('index'), [{ digest: digestOf('head'), platform: 'linux/arm64' }]);
  const age = { known: true, bornAtEpochMs: 1, decidedBy: digestOf('below') } as const;
  const parent = { digest: digestOf('below'), evidence: 'layers' } as const;
  await world.images.recordLineage(digestOf('head'), { parent, age });
  return world;
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
])('%s', async (_what, text, found) => {
  const digests: readonly Digest[] = found.map(digestOf);
  expect(await findImages(readOnlyContext(await world()), text)).toEqual(digests);
});

test.each<[text: string, says: RegExp]>([
  ['team/ap-1', /Did you mean:\n {2}team\/app-1$/m],
  [`${PLACE}/team/ap-1`, /Did you mean:\n {2}111122223333\/eu-west-1\/team\/app-[01]$/m],
  [streamOf(1).replace('app', 'apq'), /The ledger knows no stream .* Did you mean:\n/],
  ['sha256:xyz', /is not a digest. Give at least the first six/],
  ['sha256:ffffffffff', /begins with sha256:ffffffffff/],
  [' ', /Which image\?/],
])('nothing is called "%s": what is near is named', async (text, says) => {
  await expect(findImages(readOnlyContext(await world()), text)).rejects.toThrow(says);
});
