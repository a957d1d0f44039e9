import { enrolledClusters, type KnownCluster } from '../../../../shared/domain/admission/enrolled-clusters.ts';
import { doorPolicy } from '../../../support/door-world.ts';

const cluster = (name: string, region = 'eu-west-1', account = '444455556666') => ({ account, region, cluster: name });
const known = (name: string, changes: Partial<KnownCluster> = {}): KnownCluster => ({
  ...{ ...cluster(name), isRead: true, isUnreadable: false },
  ...changes,
});
const DENIES = doorPolicy({ mode: 'deny' });
const namesOf = (found: ReturnType<typeof enrolledClusters>) => ({
  published: found.published.map((one) => one.cluster),
  missed: found.missed.map((one) => `${one.cluster.cluster} ${one.reason}`),
});

test.each([
  ['by name', [cluster('prod')], ['prod']],
  ['by a pattern of the name', [cluster('p*d')], ['pod', 'prod']],
  ['of all accounts and Regions', [cluster('*', '*', '*')], ['pod', 'prod', 'test']],
  ['of another Region', [cluster('*', 'us-*')], []],
  ['once, whatever names them', [cluster('prod'), cluster('*')], ['pod', 'prod', 'test']],
])('clusters are enrolled %s', (_, patterns, published) => {
  const found = enrolledClusters(patterns, DENIES, [known('test'), known('prod'), known('pod')]);
  expect(namesOf(found)).toEqual({ published, missed: [] });
});

test('a cluster that is named in full must be known; a pattern may name none', () => {
  const found = enrolledClusters([cluster('gone'), cluster('none-*')], DENIES, [known('prod')]);
  expect(namesOf(found)).toEqual({ published: [], missed: ['gone unknown'] });
});

test('a cluster of which too little is known gets no lists', () => {
  const found = enrolledClusters([cluster('*')], DENIES, [
    ...[known('new', { isRead: false }), known('broken', { isUnreadable: true }), known('prod')],
  ]);
  expect(namesOf(found)).toEqual({ published: ['prod'], missed: ['broken unreadable', 'new never-read'] });
});

test('where no door may judge there is nothing to publish, and nothing is missed', () => {
  const policy = doorPolicy({ mode: 'off', rules: [{ clusters: ['prod'], namespaces: ['shop'], mode: 'warn' }] });
  const found = enrolledClusters([cluster('*'), cluster('gone')], policy, [known('prod'), known('test')]);
  expect(namesOf(found)).toEqual({ published: ['prod'], missed: [] });
});

test.each([
  ['everything', { mode: 'report-only' }, ['far', 'near'], []],
  ['everything, for now', { mode: 'paused' }, ['far', 'near'], []],
  ['its account', { modes: { accounts: { '444455556666': 'report-only' } } }, ['near'], ['far']],
  ['no account of theirs', { modes: { accounts: { '999988887777': 'paused' } } }, [], ['far', 'near']],
])('the lists of a cluster end if the mode is not enforce for %s', (_, changes, ended, published) => {
  const policy = { ...doorPolicy({ mode: 'deny' }), modes: {}, ...changes } as Parameters<typeof enrolledClusters>[1];
  const [near, far] = [known('near'), known('far', { account: '111122223333' })];
  const found = enrolledClusters([cluster('*', '*', '*')], policy, [near, far]);
  expect(found.ended.map((one) => one.cluster).sort()).toEqual(ended);
  expect(found.published.map((one) => one.cluster).sort()).toEqual(published);
});

test('where no door judges the lists end, also of a cluster of which too little is known', () => {
  const found = enrolledClusters([cluster('*'), cluster('gone')], doorPolicy({ mode: 'off' }), [
    ...[known('prod'), known('new', { isRead: false })],
  ]);
  expect(found.ended.map((one) => one.cluster)).toEqual(['new', 'prod']);
});
