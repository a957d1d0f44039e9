import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { EVENTS } from '../../../shared/events/index.ts';
import { safeParse } from '../../../shared/schema.ts';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const documentation = readFileSync(`${ROOT}docs/events.md`, 'utf8');

/** `ImageVerdictChanged` and `ECR Image Scan` as in the names of files. */
const kebab = (detailType: string): string =>
  detailType
    .replaceAll(/([a-z])([A-Z])/g, '$1-$2')
    .replaceAll(' ', '-')
    .toLowerCase();

const files = readdirSync(`${ROOT}events`).filter((file) => file.endsWith('.json'));
const table = EVENTS.map((event) => ({ ...event, prefix: `${event.source}.${kebab(event.detailType)}.` }));

const contracts = (
  await Promise.all(
    readdirSync(`${ROOT}shared/events`).map(async (file) => {
      const exported: Readonly<Record<string, unknown>> = await import(`${ROOT}shared/events/${file}`);
      return Object.entries(exported).flatMap(([name, value]) => (isContract(value) ? [{ file, name, value }] : []));
    }),
  )
).flat();
function isContract(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'detailType' in value && 'schema' in value;
}

test.each(contracts)('EVENTS in shared/events/index.ts has $name of shared/events/$file', ({ value }) => {
  expect((EVENTS as readonly unknown[]).includes(value)).toBe(true);
});

test('a detail type is registered once', () => {
  expect(new Set(table.map(({ prefix }) => prefix)).size).toBe(EVENTS.length);
});

test.each(files)('%s is a sample of an event that we know, and can be read', (file) => {
  const [event, ...others] = table.filter(({ prefix }) => file.startsWith(prefix));
  expect(others).toEqual([]);
  const sample: unknown = JSON.parse(readFileSync(`${ROOT}events/${file}`, 'utf8'));
  expect(event && safeParse(event.schema, sample)).toMatchObject({ success: true });
});

test.each(table)('$detailType has a sample, and a chapter with every member', ({ detailType, prefix }) => {
  const samples = files.filter((file) => file.startsWith(prefix));
  expect(samples.length).toBeGreaterThan(0);
  const [, chapter = ''] = documentation.split(`### ${detailType}\n`);
  const [described = ''] = chapter.split('\n### ');
  const members = samples.flatMap((file) =>
    Object.keys(JSON.parse(readFileSync(`${ROOT}events/${file}`, 'utf8')).detail),
  );
  expect([...new Set(members)].filter((member) => !described.includes(`\`${member}\``))).toEqual([]);
  for (const file of samples) expect(described).toContain(file);
});

// https://docs.aws.amazon.com/codepipeline/latest/userguide/detect-state-changes-cloudwatch-events.html
test('each state of a pipeline has the fields of a real event, numbers as CodePipeline writes them', () => {
  const states = files.filter((file) => file.startsWith('aws.codepipeline.'));
  expect(states.length).toBe(8);
  for (const file of states) {
    const text = readFileSync(`${ROOT}events/${file}`, 'utf8');
    expect(JSON.parse(text).detail).toMatchObject({
      'start-time': expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      'pipeline-execution-attempt': expect.any(Number),
    });
    expect(text).toMatch(/"version": \d+\.0/);
    expect(text).toMatch(/"pipeline-execution-attempt": \d+\.0/);
  }
});
