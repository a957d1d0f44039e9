import { readFileSync } from 'node:fs';
import { inspectorCoverage, inspectorFinding, inspectorScan } from '../../../shared/events/inspector.ts';
import { inspectorInstant } from '../../../shared/events/inspector-instant.ts';
import { parse, safeParse } from '../../../shared/schema.ts';

const FOLDER = new URL('../../../events/', import.meta.url);
const read = (file: string) => JSON.parse(readFileSync(new URL(`aws.inspector2.${file}.json`, FOLDER), 'utf8'));
const DIGEST = `sha256:${'1'.repeat(64)}`;
const IMAGE = {
  digest: DIGEST,
  location: { account: '444455556666', region: 'eu-west-1', repository: 'team-a/web' },
  atEpochMs: Date.UTC(2026, 10, 24, 3, 20, 18),
};

test.each([
  ['inspector2-scan.initial', inspectorScan],
  ['inspector2-finding.active', inspectorFinding],
  ['inspector2-finding.earlier-date-form', inspectorFinding],
  ['inspector2-coverage.expired', inspectorCoverage],
])('the sample %s names the image, where it is, and when that was', (file, { schema }) => {
  expect(parse(schema, read(file))).toEqual(IMAGE);
});

test('a scan may have the plain name of a repository', () => {
  const event = read('inspector2-scan.initial');
  const named = { ...event, detail: { ...event.detail, 'repository-name': 'team-a/web' } };
  expect(parse(inspectorScan.schema, named)).toEqual(IMAGE);
});

test('the delegated administrator receives events about the registries of others', () => {
  const event = { ...read('inspector2-finding.active'), account: '999988887777' };
  expect(parse(inspectorFinding.schema, event)).toEqual(IMAGE);
});

test('the later instant counts', () => {
  const event = read('inspector2-finding.active');
  const later = { ...event, detail: { ...event.detail, updatedAt: 'Tue Nov 24 03:21:00.5 UTC 2026' } };
  expect(parse(inspectorFinding.schema, later)).toMatchObject({ atEpochMs: Date.UTC(2026, 10, 24, 3, 21, 0, 500) });
  const unclear = { ...event, detail: { ...event.detail, updatedAt: 'yesterday' } };
  expect(parse(inspectorFinding.schema, unclear)).toEqual(IMAGE);
});

test.each([
  [
    'a coverage of an instance',
    inspectorCoverage,
    'inspector2-coverage.expired',
    { resources: ['i-0123'] },
    'resources',
  ],
  ['a finding of nothing', inspectorFinding, 'inspector2-finding.active', { resources: [] }, 'resources'],
  [
    'a finding of a repository',
    inspectorFinding,
    'inspector2-finding.active',
    { resources: ['arn:aws:ecr:eu-west-1:444455556666:repository/team-a/web'] },
    'resources',
  ],
  [
    'a scan of a tag',
    inspectorScan,
    'inspector2-scan.initial',
    { detail: { 'repository-name': 'a', 'image-digest': 'latest' } },
    'detail.image-digest',
  ],
])('%s is refused', (_, { schema }, file, change, path) => {
  const { problems } = safeParse(schema, { ...read(file), ...change });
  expect(problems?.map((problem) => problem.path.join('.'))).toEqual([path]);
});

test.each([
  ['Tue Nov 24 16:55:38.411 UTC 2026', Date.UTC(2026, 10, 24, 16, 55, 38, 411)],
  ['Tue Sep 03 00:00:00.000 UTC 2024', Date.UTC(2024, 8, 3)],
  ['Dec 3, 2021, 6:02:30 PM', Date.UTC(2021, 11, 3, 18, 2, 30)],
  ['Dec 3, 2021, 12:02:30 AM', Date.UTC(2021, 11, 3, 0, 2, 30)],
  ['Dec 3, 2021 12:02:30 PM', Date.UTC(2021, 11, 3, 12, 2, 30)],
  ['2026-11-24T22:51:35.665501Z', Date.UTC(2026, 10, 24, 22, 51, 35, 665)],
  ['2026-11-24T22:51:35+01:00', Date.UTC(2026, 10, 24, 21, 51, 35)],
  ['2026-11-24', undefined],
  ['Tue Foo 24 16:55:38.411 UTC 2026', undefined],
  ['', undefined],
])('the instant %s', (text, expected) => {
  expect(inspectorInstant(text)).toBe(expected);
});
