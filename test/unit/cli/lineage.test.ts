import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readImageList } from '../../../cli/lineage/lineage-file.ts';
import { PUBLIC_IMAGES } from '../../support/lineage/public-images.ts';
import { digestOf } from '../domain/arbitraries.ts';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'patchwave-lineage-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** The tool as a person runs it: a process of its own, its standard output no terminal. */
function lineage(words: readonly string[], environment: Readonly<Record<string, string>> = {}) {
  const { NO_COLOR, FORCE_COLOR, ...env } = process.env;
  const { status, stdout, stderr } = spawnSync(process.execPath, ['cli/lineage/lineage.ts', ...words], {
    cwd: ROOT,
    encoding: 'utf8',
    env: { ...env, NODE_NO_WARNINGS: '1', ...environment },
  });
  return { status, stdout, stderr };
}

function fileOf(document: unknown): string {
  const file = join(folder, 'images.json');
  writeFileSync(file, typeof document === 'string' ? document : JSON.stringify(document));
  return file;
}

const layersOf = (words: string) => words.split(' ').map(digestOf);
const image = (name: string, layers: string, more: Readonly<Record<string, unknown>> = {}) => ({
  digest: digestOf(name),
  repository: name,
  tags: ['1'],
  platform: 'linux/amd64',
  layers: layersOf(layers),
  ...more,
});

const FAMILY = [
  image('web', 'a b c', { tags: ['2', '2.1'] }),
  image('debian', 'a'),
  image('python', 'a b'),
  image('api', 'squashed', { labels: { 'org.opencontainers.image.base.digest': digestOf('debian') } }),
  image('stranger', 'x', { tags: [] }),
];

const short = (name: string): string => digestOf(name).slice(0, 19);

test('prints each image under its parent, aligned and without colours', () => {
  const { status, stdout, stderr } = lineage(['--images', fileOf(FAMILY)]);
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  const attestation = image('web', 'a b c', { digest: digestOf('attestation'), platform: 'unknown/unknown' });
  expect(lineage(['--images', fileOf([...FAMILY, attestation])]).stdout).toBe(stdout);
  expect(stdout.split('\n')).toEqual([
    'digest               platform     evidence      image',
    `${short('debian')}  linux/amd64  -             debian:1`,
    `${short('api')}  linux/amd64  label-digest  ├─ api:1`,
    `${short('python')}  linux/amd64  layers        └─ python:1`,
    `${short('web')}  linux/amd64  layers           └─ web:2 (+1)`,
    `${short('stranger')}  linux/amd64  -             stranger`,
    '',
    '5 images, 3 of them built on another image of the list',
    '',
  ]);
});

test('colours on request, never with NO_COLOR', () => {
  const file = fileOf(FAMILY);
  expect(lineage(['--images', file], { FORCE_COLOR: '1' }).stdout).toContain('\u001b[33mlabel-digest\u001b[39m');
  expect(lineage(['--images', file], { NO_COLOR: '1' }).stdout).not.toContain('\u001b[');
});

test('--json has one answer per element in list order, even for equal digests', () => {
  const copy = { ...FAMILY[0], repository: 'mirror/web', layers: [], pushedAt: '2026-01-31T12:00:00+01:00' };
  const { status, stdout } = lineage(['--images', fileOf([...FAMILY, copy]), '--json']);
  expect(status).toBe(0);
  const web = { digest: digestOf('web'), parent: digestOf('python'), evidence: 'layers' };
  expect(JSON.parse(stdout)).toEqual([
    web,
    { digest: digestOf('debian'), parent: null, evidence: null },
    { digest: digestOf('python'), parent: digestOf('debian'), evidence: 'layers' },
    { digest: digestOf('api'), parent: digestOf('debian'), evidence: 'label-digest' },
    { digest: digestOf('stranger'), parent: null, evidence: null },
    web,
  ]);
});

test('accepts history, diff ids and push times in registry and daemon formats', () => {
  const step = (created_by: string) => ({ created: '2026-01-01T00:00:00Z', created_by, empty_layer: true });
  const images = [
    image('base', 'a', { history: [step('ADD rootfs'), 'CMD bash'], diffIds: layersOf('A') }),
    image('platform', 'a', { history: [step('ADD rootfs'), 'CMD bash', { comment: 'no command' }], labels: null }),
    image('packed', 'z y', { diffIds: layersOf('A B'), history: null }),
    image('one', 'p', { pushedAt: 1_700_000_000_000 }),
    image('two', 'p', { pushedAt: '2026-01-31' }),
  ];
  const { stdout } = lineage(['--images', fileOf(images), '--json']);
  const rows = (JSON.parse(stdout) as { parent: string | null; evidence: string | null }[]).map((each) => [
    each.parent,
    each.evidence,
  ]);
  expect(rows).toEqual([
    [null, null],
    [digestOf('base'), 'history'],
    [digestOf('base'), 'diff-ids'],
    [null, null],
    [digestOf('one'), 'earliest-push'],
  ]);
});

test('finds the parents of public images', () => {
  const listed = PUBLIC_IMAGES.map(({ layered: { names, ...facts } }) => {
    const [repository, tag] = (names[0] ?? '').split(':');
    return { ...facts, repository, tags: [tag] };
  });
  const { stdout } = lineage(['--images', fileOf(listed), '--json']);
  const parents = (JSON.parse(stdout) as { parent: string | null }[]).map(({ parent }) => parent);
  expect(parents).toEqual(PUBLIC_IMAGES.map(({ parent }) => parent ?? null));
});

test('an empty list is valid', () => {
  expect(lineage(['--images', fileOf([])]).stdout).toBe('0 images, 0 of them built on another image of the list\n');
  expect(lineage(['--images', fileOf([]), '--json']).stdout).toBe('[]\n');
});

describe('invalid list', () => {
  const { digest, ...nameless } = image('nameless', 'a');
  test.each([
    ['no list', {}, 'the file: must be a list, not an object'],
    ['a missing field', [image('a', 'a'), nameless], '[1].digest: is missing'],
    [
      'a short digest',
      [image('a', 'a', { digest: 'sha256:12' })],
      '[0].digest: must be a digest: sha256: and 64 hexadecimal digits',
    ],
    [
      'a layer that is none',
      [image('a', 'a', { layers: [digestOf('a'), 7] })],
      '[0].layers[1]: must be text, not a number',
    ],
    [
      'a platform in one word',
      [image('a', 'a', { platform: 'amd64' })],
      '[0].platform: must be a platform, such as linux/amd64 or linux/arm/v7',
    ],
    [
      'a label that is no text',
      [image('a', 'a', { labels: { base: 1 } })],
      '[0].labels.base: must be text, not a number',
    ],
    [
      'an instant without a zone',
      [image('a', 'a', { pushedAt: '2026-01-31T12:00:00' })],
      '[0].pushedAt: must be an instant, such as 2026-01-31T12:00:00Z',
    ],
    ['a step that is none', [image('a', 'a', { history: ['RUN', null] })], '[0].history[1]: must be text, not null'],
    [
      'one digest with two lists of layers',
      [image('a', 'a'), image('a', 'b')],
      '[1].layers: differ from those of [0], although the digest is the same',
    ],
  ])('%s: the message names element and field', async (_, document, problem) => {
    await expect(readImageList(fileOf(document))).rejects.toThrow(
      `images.json is not a valid list of images:\n  ${problem}`,
    );
  });

  test('many problems: the first ones and the number of others', async () => {
    const all = Array.from({ length: 50 }, () => nameless);
    await expect(readImageList(fileOf(all))).rejects.toThrow(
      /(\n {2}\[\d+\]\.digest: is missing){20}\n {2}and 30 more$/,
    );
  });

  test('exits with 1 and prints nothing to standard output', () => {
    const { status, stdout, stderr } = lineage(['--images', fileOf([nameless]), '--json']);
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr).toContain('[0].digest: is missing');
  });

  test('a file that is not JSON is reported as such', () => {
    const { status, stderr } = lineage(['--images', fileOf('[{')]);
    expect(status).toBe(1);
    expect(stderr).toContain('is not JSON');
  });
});

test.each([
  [[], 'Which images?'],
  [['--images', join(folder, 'nowhere.json')], 'There is no file'],
  [['--image', 'x'], "Unknown option '--image'"],
])('usage error %j: message and exit code 2', (words, message) => {
  const { status, stdout, stderr } = lineage(words);
  expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
  expect(stderr).toContain(message);
});

test('--help explains the arguments', () => {
  const { status, stdout } = lineage(['--help']);
  expect(status).toBe(0);
  expect(stdout).toContain('--images FILE');
});
