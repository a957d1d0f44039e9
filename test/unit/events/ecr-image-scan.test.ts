import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { ecrImageScan } from '../../../shared/events/ecr-image-scan.ts';
import { parse, safeParse } from '../../../shared/schema.ts';
import { fc } from '../../support/seeded.ts';

const FOLDER = fileURLToPath(new URL('../../../events/', import.meta.url));
const read = (file: string): unknown => JSON.parse(readFileSync(`${FOLDER}${file}`, 'utf8'));

const IMAGE = {
  digest: 'sha256:1111111111111111111111111111111111111111111111111111111111111111',
  location: { account: '444455556666', region: 'eu-west-1', repository: 'team-a/web' },
  atEpochMs: Date.parse('2026-11-24T03:11:48Z'),
};

test.each([
  ['complete', 'COMPLETE'],
  ['failed', 'FAILED'],
  ['unknown-status', 'POSTPONED'],
])('a scan event names an image in every status: %s', (file, status) => {
  expect(parse(ecrImageScan.schema, read(`aws.ecr.ecr-image-scan.${file}.json`))).toEqual({ ...IMAGE, status });
});

const malformed = [
  ['a-list', ''],
  ['account-too-short', 'account'],
  ['digest-is-a-tag', 'detail.image-digest'],
  ['no-detail', 'detail'],
  ['no-digest', 'detail.image-digest'],
  ['other-detail-type', 'detail-type'],
  ['repository-is-a-list', 'detail.repository-name'],
] as const;

test('every malformed sample is in the table below', () => {
  const files = readdirSync(`${FOLDER}malformed`).filter((file) => file.endsWith('.json'));
  expect(files.sort()).toEqual(malformed.map(([name]) => `aws.ecr.ecr-image-scan.${name}.json`));
});

test.each(malformed)('refused, and only for what is wrong with it: %s at "%s"', (name, path) => {
  const { problems } = safeParse(ecrImageScan.schema, read(`malformed/aws.ecr.ecr-image-scan.${name}.json`));
  expect(problems?.map(({ path }) => path.join('.'))).toEqual([path]);
});

test('a message that was cut off is no JSON', () => {
  const text = readFileSync(`${FOLDER}malformed/aws.ecr.ecr-image-scan.cut-off.txt`, 'utf8');
  expect(() => JSON.parse(text)).toThrow(SyntaxError);
});

test('nothing that is not such an event is taken for one', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      expect(safeParse(ecrImageScan.schema, value).success).toBe(false);
    }),
    { numRuns: 500 },
  );
});
