import { readFileSync } from 'node:fs';
import { ecrImageAction } from '../../../shared/events/ecr-image-action.ts';
import { ecrPullThroughCacheAction } from '../../../shared/events/ecr-pull-through-cache-action.ts';
import { ecrReplicationAction } from '../../../shared/events/ecr-replication-action.ts';
import { parse, safeParse } from '../../../shared/schema.ts';
import { fc } from '../../support/seeded.ts';

const FOLDER = new URL('../../../events/', import.meta.url);
const read = (name: string) =>
  JSON.parse(readFileSync(new URL(`aws.ecr.ecr-image-action.${name}.json`, FOLDER), 'utf8'));
const location = { account: '111122223333', region: 'eu-west-1', repository: 'team-a/web' };
const digestOf = (digit: string) => `sha256:${digit.repeat(64)}`;

test.each([
  ['pushed', { isPush: true, digest: digestOf('2'), location, tag: '1.4.3', atEpochMs: 1_795_489_831_000 }],
  ['pushed-plain', { isPush: true, digest: digestOf('4'), location, tag: '1.4.4', atEpochMs: 1_795_489_831_000 }],
  ['untagged', { isPush: true, digest: digestOf('3'), location, atEpochMs: 1_795_489_829_000 }],
  ['deleted', { isPush: false, digest: digestOf('1'), location, tag: '1.4.2', atEpochMs: 1_795_489_920_000 }],
  ['archived', { isPush: false, digest: digestOf('1'), location, atEpochMs: 1_795_489_831_000 }],
  ['restored', { isPush: false, digest: digestOf('1'), location, atEpochMs: 1_795_489_831_000 }],
])('an action on an image: %s', (name, action) => {
  expect(parse(ecrImageAction.schema, read(name))).toEqual(action);
});

test.each([
  [
    'replication-action.replicated',
    ecrReplicationAction,
    { isPush: true, digest: digestOf('5'), tag: '1.4.5', location },
  ],
  ['replication-action.failed', ecrReplicationAction, { isPush: false, digest: digestOf('5'), tag: '1.4.5', location }],
  [
    'pull-through-cache-action.cached',
    ecrPullThroughCacheAction,
    {
      ...{ isPush: true, digest: digestOf('6'), tag: '3.17.2' },
      location: { account: '111122223333', region: 'eu-west-1', repository: 'docker-hub/alpine' },
    },
  ],
])('an image that was copied: %s', (name, { schema }, action) => {
  const event = JSON.parse(readFileSync(new URL(`aws.ecr.ecr-${name}.json`, FOLDER), 'utf8'));
  expect(parse(schema, event)).toEqual({ ...action, atEpochMs: Date.parse(event.time) });
});

test.each([
  ['a push that failed', { result: 'FAILURE' }],
  ['an action that AWS may add', { 'action-type': 'RESTORE' }],
])('%s is no push', (_, changes) => {
  const event = read('pushed');
  Object.assign(event.detail, changes);
  expect(parse(ecrImageAction.schema, event)).toMatchObject({ isPush: false });
});

test.each([[''], [undefined]])('no tag: %j', (tag) => {
  const event = read('untagged');
  expect(event.detail['image-tag']).toBe('');
  if (tag === undefined) delete event.detail['image-tag'];
  expect(parse(ecrImageAction.schema, event)).not.toHaveProperty('tag');
});

const MEDIA_TYPES = ['manifest-media-type', 'artifact-media-type'];

// https://docs.aws.amazon.com/AmazonECR/latest/userguide/ecr-eventbridge.html shows pushes without them; real ones have them.
test('samples of pushes have media types, and one has none', () => {
  const has = (name: string) => MEDIA_TYPES.every((type) => type in read(name).detail);
  expect(['pushed', 'untagged', 'pushed-plain'].map(has)).toEqual([true, true, false]);
});

test.each([
  ['account', (event: ReturnType<typeof read>) => Object.assign(event, { account: '1111' })],
  ['time', (event: ReturnType<typeof read>) => Object.assign(event, { time: 'yesterday' })],
  ['detail-type', (event: ReturnType<typeof read>) => Object.assign(event, { 'detail-type': 'ECR Image Scan' })],
  ['detail.action-type', (event: ReturnType<typeof read>) => delete event.detail['action-type']],
  [
    'detail.image-digest',
    (event: ReturnType<typeof read>) => Object.assign(event.detail, { 'image-digest': 'latest' }),
  ],
  [
    'detail.repository-name',
    (event: ReturnType<typeof read>) => Object.assign(event.detail, { 'repository-name': [] }),
  ],
])('refused, and only for what is wrong with it: "%s"', (path, spoil) => {
  const event = read('pushed');
  spoil(event);
  const { problems } = safeParse(ecrImageAction.schema, event);
  expect(problems?.map((problem) => problem.path.join('.'))).toEqual([path]);
});

test('nothing that is not such an event is taken for one', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      expect(safeParse(ecrImageAction.schema, value).success).toBe(false);
    }),
    { numRuns: 500 },
  );
});
