import { readFileSync } from 'node:fs';
import { stripVTControlCharacters } from 'node:util';
import { forestOf, streamsOfBranch } from '../../../cli/lineage/branches.ts';
import { shown } from '../../../cli/output.ts';
import type { TreeStream } from '../../../cli/plan/plan-tree.ts';
import { treeSvg } from '../../../cli/plan/render-svg.ts';
import { treeText } from '../../../cli/plan/render-tree.ts';
import { layoutOf } from '../../../cli/plan/tree-layout.ts';
import { fc } from '../../support/seeded.ts';
import { elementsOf, parseXml } from '../../support/xml.ts';
import { DEPLOYED, DIAMOND, fleetTree, held, idOf, planned, tree, UNTOUCHED } from './trees.ts';

const lines = (streams: readonly TreeStream[], all = false) =>
  treeText(forestOf(streams, all))
    .replaceAll('111122223333/eu-west-1/', '')
    // The title of the notes is aligned with the whole ids.
    .replace(/^(plan +stream) +note$/m, '$1  note')
    .split('\n');

describe('as text', () => {
  test('each stream is under its parent, a diamond once, with its plan', () => {
    expect(lines(DIAMOND)).toEqual([
      'plan         stream  note',
      'wave 1       base/debian:^v.*$                     12 min',
      'wave 2       ├─ platform/java:^v.*$                9 min',
      'wave 3       │  ├─ apps/gateway:^v.*$              6 min',
      'waits        │  ├─ apps/orders:^v.*$               cool-down',
      'refused      │  └─ apps/search:^v.*$               attempts-exhausted',
      'wave 2       └─ platform/node:^v.*$                7 min',
      'wave 3          ├─ apps/cart:^v.*$                 4 min',
      '                ├─ apps/gateway:^v.*$ (see above)',
      'in progress     ├─ apps/shop:^v.*$                 building',
      'deploy          ├─ apps/site:^v.*$',
      '-               └─ apps/tool:^v.*$',
      '3 streams in trees with nothing to do; --all shows them',
    ]);
  });

  test('the documented sample equals the output', () => {
    expect(readFileSync('docs/commands.md', 'utf8')).toContain(`\n${treeText(forestOf(DIAMOND, false))}\n`);
  });

  test('on a narrow terminal each note stands below its row, with its title', () => {
    const before = { isTTY: process.stdout.isTTY, columns: process.stdout.columns };
    Object.assign(process.stdout, { isTTY: true, columns: 80 });
    try {
      const text = stripVTControlCharacters(shown(treeText(forestOf(DIAMOND, false))));
      expect(text).toMatch(/^wave 1 .*base\/debian:\^v\.\*\$\n +note +12 min$/m);
      expect(text.split('\n').filter((line) => line.length > 80)).toEqual([]);
    } finally {
      Object.assign(process.stdout, before);
    }
  });

  test('without a note there is no column of notes', () => {
    expect(lines([tree('base', 'base', DEPLOYED)])).toEqual(['plan    stream', 'deploy  base:^v.*$']);
  });

  test('--all also shows trees with nothing to do', () => {
    expect(lines(DIAMOND, true).slice(-3)).toEqual([
      '-            base/alpine:^v.*$',
      '-            └─ platform/go:^v.*$',
      '-               └─ apps/worker:^v.*$',
    ]);
  });

  test('more than eight similar streams are drawn as one', () => {
    const few = lines(fleetTree(1, 10));
    expect(few).toHaveLength(1 + 12);
    expect([few[0], ...few.slice(-9)]).toEqual([
      'plan    stream  note',
      'waits      ├─ apps/app-5:^v.*$  cap-reached',
      ...[1, 2, 3, 4, 6, 7, 8].map((n) => `wave 3     ├─ apps/app-${n}:^v.*$  6 min`),
      'wave 3     └─ apps/app-9:^v.*$  6 min',
    ]);
    expect(lines(fleetTree(1, 12)).at(-1)).toBe('wave 3     └─ 9 applications');
    expect(lines(fleetTree(1, 12), true)).toHaveLength(1 + 14);
  });

  test('a group with one shared reason shows it', () => {
    const waiting = Array.from({ length: 9 }, (_, n) =>
      tree('application', `app-${n}`, held('wait', 'cool-down'), 'base'),
    );
    expect(lines([tree('base', 'base', UNTOUCHED), ...waiting]).at(-1)).toMatch(
      /^waits {2}└─ 9 applications +cool-down$/,
    );
  });

  test('fleet with nothing to do', () => {
    expect(lines([tree('base', 'base', UNTOUCHED)])).toEqual([
      '1 stream in trees with nothing to do; --all shows them',
    ]);
    expect(lines([])).toEqual(['No stream is known yet. Start a review: patchwave review']);
  });

  test('streams in a parent cycle are drawn', () => {
    const circle = [
      tree('platform', 'a', held('refuse', 'cycle'), 'b'),
      tree('platform', 'b', held('refuse', 'cycle'), 'a'),
    ];
    expect(lines(circle)).toEqual([
      'plan     stream  note',
      'refused  a:^v.*$                    cycle',
      'refused  └─ b:^v.*$                 cycle',
      '            └─ a:^v.*$ (see above)',
    ]);
  });
});

/** Streams of three tiers, each on some of those before it. */
const drawn = fc
  .array(
    fc.record({
      tier: fc.constantFrom('base', 'platform', 'application'),
      on: fc.array(fc.nat({ max: 30 }), { maxLength: 3 }),
      mark: fc.constantFrom(UNTOUCHED, planned(1), held('wait', 'paused')),
    }),
    { maxLength: 60 },
  )
  .map((drafts) => {
    const rank = { base: 0, platform: 1, application: 2 };
    const inOrder = drafts.toSorted(
      (one, other) => rank[one.tier as keyof typeof rank] - rank[other.tier as keyof typeof rank],
    );
    return inOrder.map(({ tier, on, mark }, at) => {
      const parents = [...new Set(on.filter((n) => n < at).map((n) => `s-${n}`))];
      return tree(tier as TreeStream['tier'], `s-${at}`, mark, ...parents);
    });
  });

describe('any lineage', () => {
  test('each stream is drawn once, and every one is drawn or counted', () => {
    fc.assert(
      fc.property(drawn, fc.boolean(), (streams, all) => {
        const forest = forestOf(streams, all);
        const shown = new Set(forest.branches.flatMap(streamsOfBranch));
        expect(shown.size + forest.leftOut).toBe(streams.length);
        const whole = treeText(forestOf(streams, true))
          .split('\n')
          .filter((line) => line.includes(':^v') && !line.includes('see above'));
        expect(whole).toHaveLength(streams.length);
      }),
    );
  });

  test('boxes never overlap, and every edge leads to the right', () => {
    fc.assert(
      fc.property(drawn, (streams) => {
        const { boxes, edges } = layoutOf(forestOf(streams, true));
        expect(boxes).toHaveLength(streams.length);
        for (const column of Map.groupBy(boxes, (box) => box.column).values()) {
          const rows = column.map(({ row }) => row).sort((one, other) => one - other);
          for (const [at, row] of rows.entries())
            if (at > 0) expect(row - (rows[at - 1] ?? 0)).toBeGreaterThanOrEqual(1);
        }
        expect(edges).toHaveLength(streams.reduce((sum, { parents }) => sum + parents.length, 0));
        for (const { from, to } of edges) expect(to.column).toBeGreaterThan(from.column);
      }),
    );
  });
});

describe('as a picture', () => {
  const SUMMARY = ['2 streams to rebuild & <1> to deploy', 'expected: 12 min'] as const;
  const namesIn = (svg: string) =>
    elementsOf(parseXml(svg))
      .filter(({ name }) => name === 'g')
      .flatMap(
        ({ children }) =>
          children
            .find(({ name }) => name === 'title')
            ?.text.split('\n')
            .filter((line) => line.includes(':^v')) ?? [],
      );

  test('is well-formed, and names each stream once, whether it is drawn or one of many', () => {
    for (const streams of [DIAMOND, fleetTree(4, 20)])
      for (const all of [false, true]) {
        const forest = forestOf(streams, all);
        const shown = new Set(forest.branches.flatMap(streamsOfBranch).map(({ stream }) => stream));
        expect(namesIn(treeSvg(forest, SUMMARY)).sort()).toEqual([...shown].sort());
      }
  });

  test('has its own background, and words for its colours', () => {
    const svg = parseXml(treeSvg(forestOf(DIAMOND, false), SUMMARY));
    const [title, description, ground] = svg.children;
    expect([title?.text, description?.text]).toEqual(['Patchwave plan', SUMMARY.join('; ')]);
    const { width, height } = svg.attributes;
    expect(ground).toMatchObject({ name: 'rect', attributes: { width, height, fill: '#ffffff' } });
    const words = elementsOf(svg)
      .filter(({ name }) => name === 'text')
      .map(({ text }) => text);
    for (const expected of [
      'base',
      'platform',
      'application',
      'wave 1 · 12 min',
      'waits · cool-down',
      'refused · attempts-exhausted',
      'in progress · building',
      'nothing to do',
      'wave 3 · 4 min · 2 workloads',
    ])
      expect(words).toContain(expected);
  });

  test('draws a line from each parent to its child', () => {
    const paths = elementsOf(parseXml(treeSvg(forestOf(DIAMOND, true), SUMMARY))).filter(({ name }) => name === 'path');
    expect(paths).toHaveLength(DIAMOND.reduce((sum, { parents }) => sum + parents.length, 0));
  });

  test.each([[0], [1], [500]])('of %i applications', (count) => {
    const streams =
      count === 0
        ? []
        : [
            tree('base', 'base', planned(0)),
            ...Array.from({ length: count }, (_, n) => tree('application', `app-${n}`, planned(1), 'base')),
          ];
    const svg = treeSvg(forestOf(streams, true), SUMMARY);
    expect(namesIn(svg)).toHaveLength(streams.length);
    const { width, height } = parseXml(svg).attributes;
    const boxes = elementsOf(parseXml(svg)).filter(
      ({ name, attributes }) => name === 'rect' && attributes.rx !== undefined,
    );
    for (const { attributes } of boxes) {
      expect(Number(attributes.x) + Number(attributes.width)).toBeLessThanOrEqual(Number(width));
      expect(Number(attributes.y) + Number(attributes.height)).toBeLessThanOrEqual(Number(height));
    }
  });

  test('any stream name', () => {
    const plain = `a<b>&"']]>x${'-'.repeat(80)}`;
    const name = `\u0000${plain}\u0007`;
    const svg = treeSvg(forestOf([tree('base', name, held('wait', 'paused', '<script>'))], false), SUMMARY);
    const titles = elementsOf(parseXml(svg))
      .filter((element) => element.name === 'title')
      .map(({ text }) => text);
    expect(titles[1]).toBe(`${idOf(`\\u0000${plain}`).replace(plain, `${plain}\\u0007`)}\nwaits\npaused\n<script>`);
  });
});
