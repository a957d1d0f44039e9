import {
  configFactsOf,
  inheritedLabels,
  runsAsRoot,
  sourceProblem,
} from '../../../../shared/domain/image/config-facts.ts';
import { fc } from '../../../support/seeded.ts';

const [SOURCE, REVISION] = ['org.opencontainers.image.source', 'org.opencontainers.image.revision'];
const COMMIT = '0123456789abcdef0123456789abcdef01234567';

test.each([
  ['', true],
  ['root', true],
  ['0', true],
  ['000', true],
  ['+0', true],
  ['-0', true],
  ['0:1000', true],
  ['root:staff', true],
  [':1000', true],
  [' root ', true],
  ['  ', true],
  ['1000', false],
  ['10001:0', false],
  ['app', false],
  ['app:root', false],
  ['rooted', false],
  ['00a', false],
])('an image with the user %p runs as root: %p', (user, isRoot) => {
  expect(runsAsRoot(configFactsOf({}, { user, labels: {} }))).toBe(isRoot);
});

test.each([
  ['ContainerAdministrator', 'windows/amd64', true],
  ['containeradministrator', 'windows/amd64', true],
  ['User Manager\\ContainerAdministrator', 'windows/amd64', true],
  ['ContainerUser', 'windows/amd64', false],
  ['ContainerAdministrator', 'linux/amd64', false],
  ['ContainerAdministrator', undefined, false],
] as const)('the user %p of an image for %p runs as root: %p', (user, platform, isRoot) => {
  expect(runsAsRoot({ user }, platform)).toBe(isRoot);
});

test('whether an image runs as root is unknown without a usable config, and if its user is no text', () => {
  expect(
    [{}, configFactsOf({}, undefined), configFactsOf({}, { labels: {} })].map((facts) => runsAsRoot(facts)),
  ).toEqual(Array(3).fill(undefined));
});

test('every number other than zero is another user than root, with any group', () => {
  fc.assert(
    fc.property(fc.nat(), fc.option(fc.nat(), { nil: undefined }), (number, group) => {
      const user = group === undefined ? String(number) : `${number}:${group}`;
      expect(runsAsRoot({ user })).toBe(number === 0);
    }),
  );
});

test.each([
  ['https://github.com/example/shop', undefined],
  ['http://git.example.com/shop.git', undefined],
  ['ssh://git@git.example.com/shop.git', undefined],
  ['git://git.example.com/shop.git', undefined],
  ['https://gitlab.example.com/@group/shop', undefined],
  ['https://git.example.com:8443/shop#subfolder', undefined],
  ['', 'missing'],
  ['   ', 'missing'],
  ['https://github.com', 'malformed'],
  ['https://github.com/', 'malformed'],
  ['git@github.com:example/shop.git', 'malformed'],
  ['github.com/example/shop', 'malformed'],
  ['file:///home/jo/shop', 'malformed'],
  ['javascript:alert(1)', 'malformed'],
  ['https://github.com/example/sh op', 'malformed'],
  ['https://github.com/example/\u202eshop', 'malformed'],
  ['https://user:secret@github.com/example/shop', 'malformed'],
  ['https://secret@github.com/example/shop', 'malformed'],
  ['https://github.com/example/shop?token=secret', 'malformed'],
  [`https://github.com/${'x'.repeat(600)}`, 'malformed'],
])('the source %p has the problem %p', (text, problem) => {
  expect(sourceProblem(configFactsOf({}, { labels: { [SOURCE]: text } }), 'source')).toBe(problem);
});

test.each([
  [COMMIT, undefined],
  [COMMIT.toUpperCase(), undefined],
  [COMMIT.slice(0, 7), undefined],
  [`${COMMIT}${COMMIT.slice(0, 24)}`, undefined],
  ['', 'missing'],
  [COMMIT.slice(0, 6), 'malformed'],
  [`${COMMIT}${COMMIT}`, 'malformed'],
  ['main', 'malformed'],
  [`${COMMIT}-dirty`, 'malformed'],
  [`${COMMIT}\n`, undefined],
])('the revision %p has the problem %p', (text, problem) => {
  expect(sourceProblem(configFactsOf({}, { labels: { [REVISION]: text } }), 'revision')).toBe(problem);
});

test('no part of an address that may be a secret is recorded', () => {
  const secret = fc.stringMatching(/^[A-Za-z0-9]{8,20}$/);
  fc.assert(
    fc.property(secret, (token) => {
      for (const text of [
        `https://${token}@github.com/example/shop`,
        `https://ci:${token}@github.com/example/shop`,
        `https://ci:x/${token}@github.com/example/shop`,
        `${token}@github.com:example/shop`,
        `https://github.com/example/shop?token=${token}`,
      ])
        expect(JSON.stringify(configFactsOf({}, { labels: { [SOURCE]: text } }))).not.toContain(token);
    }),
  );
});

test('a long token or a malformed address hides no secret, and stays malformed', () => {
  const token = 'x'.repeat(720);
  for (const text of [
    `https://build:${token}@dev.azure.com/o/p`,
    `https://${token}@dev.azure.com/o/p`,
    `https://build:${token}`,
    `https://build:${token}/o/p`,
    `https:\\\\build:${token}`,
    `https://build:${token}%40dev.azure.com/o/p`,
  ]) {
    const facts = configFactsOf({}, { labels: { [SOURCE]: text } });
    expect(facts.source).not.toContain('xx');
    expect(sourceProblem(facts, 'source')).toBe('malformed');
  }
});

test('an annotation counts before a label, which a build may have from its parent, unless it is empty', () => {
  const labels = { [SOURCE]: 'https://git.example.com/base', [REVISION]: COMMIT };
  const own = { [SOURCE]: 'https://git.example.com/shop', [REVISION]: ' ' };
  expect(configFactsOf(own, { labels })).toEqual({
    ...{ source: own[SOURCE], revision: COMMIT, annotated: ['source'] },
  });
});

const BASE = { [SOURCE]: 'https://git.example.com/base', [REVISION]: COMMIT };
const labelStep = (name: string, form = 'LABEL ') => ({ createdBy: `${form}${name}=x` });
const baseSteps = [labelStep(SOURCE), labelStep(REVISION)];
const below = configFactsOf({}, { labels: BASE, history: baseSteps });

test.each<[string, Parameters<typeof configFactsOf>, readonly string[]]>([
  ['no build that set one', [{}, { labels: BASE, history: baseSteps }], ['source', 'revision']],
  ['no history', [{}, { labels: BASE }], ['source', 'revision']],
  [
    'a step that only runs such a text',
    [{}, { labels: BASE, history: [...baseSteps, { createdBy: `RUN echo LABEL ${SOURCE}=x ${REVISION}=y` }] }],
    ['source', 'revision'],
  ],
  [
    'a step for its revision only',
    [{}, { labels: { ...BASE, [REVISION]: COMMIT.slice(0, 8) }, history: [...baseSteps, labelStep(REVISION)] }],
    ['source'],
  ],
  ['a revision by an option', [{}, { labels: { ...BASE, [REVISION]: COMMIT.slice(0, 8) }, history: baseSteps }], []],
  ['steps of its own for equal values', [{}, { labels: BASE, history: [...baseSteps, ...baseSteps] }], []],
  [
    'steps of its own by another builder',
    [
      {},
      {
        labels: BASE,
        history: [...baseSteps, { createdBy: `/bin/sh -c #(nop)  LABEL "${SOURCE}"="x" "${REVISION}"="y"` }],
      },
    ],
    [],
  ],
  [
    'an annotation for its source',
    [{ [SOURCE]: 'https://git.example.com/base' }, { labels: BASE, history: baseSteps }],
    ['revision'],
  ],
  ['other values', [{}, { labels: { [SOURCE]: 'https://git.example.com/shop', [REVISION]: 'abcdef0' } }], []],
  ['no labels', [{}, { labels: {} }], []],
])('an image with the labels of the image below and %s', (_, given, inherited) => {
  expect(inheritedLabels(configFactsOf(...given), below)).toEqual(inherited);
});

test('what is recorded of any config is short, and has no answer that it does not give', () => {
  const text = fc.string({ maxLength: 2_000 });
  fc.assert(
    fc.property(text, text, text, (user, source, revision) => {
      const facts = configFactsOf({}, { user, labels: { [SOURCE]: source, [REVISION]: revision } });
      expect(JSON.stringify(facts).length).toBeLessThan(6_000);
      expect(runsAsRoot(facts)).toEqual(expect.any(Boolean));
      expect([undefined, 'missing', 'malformed']).toContain(sourceProblem(facts, 'source'));
    }),
  );
});
