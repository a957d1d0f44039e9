import { fitted, relative, table, widthOfTerminal } from '../../../cli/output.ts';
import { fc } from '../../support/seeded.ts';

const NOW = Date.UTC(2026, 10, 25, 12, 0);
const HOUR_MS = 3_600_000;

test.each([
  [NOW + 3 * 24 * HOUR_MS, 'in 3 days'],
  [NOW - 12 * 24 * HOUR_MS, '12 days ago'],
  [NOW + 47 * HOUR_MS, 'in 47 hours'],
  [NOW + 48 * HOUR_MS, 'in 2 days'],
  [NOW - HOUR_MS, '1 hour ago'],
  [NOW - 90_000, '1 minute ago'],
  [NOW + 59 * 60_000, 'in 59 minutes'],
  [NOW + 59_000, 'now'],
  [NOW, 'now'],
])('%d is printed as %s', (at, text) => {
  expect(relative(at, NOW)).toBe(text);
});

test('columns align, numbers to the right, and no line ends in spaces', () => {
  const rows = [
    { name: 'a', count: 5 },
    { name: 'longer', count: 1234 },
  ];
  const text = table(rows, [
    { title: 'count', value: ({ count }) => String(count), align: 'right' },
    { title: 'name', value: ({ name }) => name },
  ]);
  expect(text.split('\n')).toEqual(['count  name', '    5  a', ' 1234  longer']);
});

describe('on a narrow terminal', () => {
  const columns = ['stream', 'answer', 'again', 'why'].map((title) => ({
    title,
    value: (row: Record<string, string>) => row[title] ?? '',
  }));
  const rows = [
    { stream: 'team/orders', answer: 'refuse', again: '-', why: 'the policy says report-only' },
    { stream: 'team/cart', answer: 'wait', again: 'in 5 minutes', why: '' },
  ];

  test('the last columns go below their row, without empty ones', () => {
    expect(table(rows, columns, 30).split('\n')).toEqual([
      'stream       answer',
      'team/orders  refuse',
      '    why    the policy says',
      '           report-only',
      'team/cart    wait',
      '    again  in 5 minutes',
    ]);
  });

  test('the first column stays at any width', () => {
    expect(table(rows.slice(1), columns, 16).split('\n')).toEqual([
      'stream',
      'team/cart',
      '    answer  wait',
      '    again   in 5',
      '    minutes',
    ]);
  });

  test('if only the last column does not fit, its text wraps within the column', () => {
    const long = [
      { stream: 'team/orders', answer: 'refuse', again: '-', why: `the policy says ${'report-only '.repeat(4)}` },
    ];
    expect(table(long, columns, 70).split('\n')).toEqual([
      'stream       answer  again  why',
      'team/orders  refuse  -      the policy says report-only report-only',
      '                            report-only report-only',
    ]);
  });

  test('a tree in the last column stays in its line at any width', () => {
    const tree = [
      { title: 'digest', value: () => 'sha256:1' },
      { title: 'image', value: () => '│  └─ team/orders', isWhole: true as const },
    ];
    expect(table([{}], tree, 12).split('\n')).toEqual(['digest    image', 'sha256:1  │  └─ team/orders']);
  });

  test('a fitting table, or one in a file, has one line per row', () => {
    const whole = table(rows, columns, undefined);
    expect(whole.split('\n')).toHaveLength(3);
    expect(table(rows, columns, 80)).toBe(whole);
  });
});

test('a line of text wraps on a terminal with the following lines indented, and stays whole in a file', () => {
  expect(fitted('  the policy says report-only', 4, 20)).toBe('  the policy says\n    report-only');
  expect(fitted('a line\nthe policy says report-only', 2, 20)).toBe('a line\nthe policy says\n  report-only');
  expect(fitted('  the policy says report-only', 4, undefined)).toBe('  the policy says report-only');
});

test('empty last cells leave no trailing spaces', () => {
  const columns = ['one', 'two', 'three'].map((title) => ({
    title,
    value: (row: Record<string, string>) => row[title] ?? '',
  }));
  expect(table([{ one: 'a', three: 'c' }, { one: 'b' }], columns).split('\n')).toEqual([
    'one  two  three',
    'a         c',
    'b',
  ]);
});

test('a table may have more rows than the argument limit of a function', () => {
  const text = table(
    Array.from({ length: 300_000 }, (_, n) => n),
    [{ title: 'n', value: String }],
  );
  expect(text.split('\n')).toHaveLength(300_001);
});

test('a later column begins at the same place in every row', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.stringMatching(/^[a-z]{0,12}$/), fc.stringMatching(/^#[a-z]{0,12}$/))), (rows) => {
      const text = table(rows, [
        { title: 'one', value: ([one]) => one },
        { title: '#two', value: ([, two]) => two },
      ]);
      const starts = text.split('\n').map((line) => line.indexOf('#'));
      expect(new Set(starts).size).toBe(1);
    }),
  );
});

describe('a table on a terminal', () => {
  const titles = ['stream', 'answer', 'why'];
  const columns = titles.map((title, at) => ({
    title,
    value: (row: readonly string[]) => row[at] ?? '',
    colour: () => 'red' as const,
  }));
  const cell = fc.stringMatching(/^[a-z:/ .-]{0,90}$/);

  test('is never wider than it, and loses no letter', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(cell, cell, cell), { maxLength: 4 }),
        fc.integer({ min: 24, max: 130 }),
        (rows, width) => {
          const lines = table(rows, columns, width).split('\n');
          expect(lines.filter((line) => line.length > width)).toEqual([]);
          const letters = (text: string) => [...text.replaceAll(/ /g, '')].sort().join('');
          const shownCells = rows.flat().filter((text) => text !== '' && text !== '-');
          for (const text of shownCells) for (const letter of letters(text)) expect(lines.join('')).toContain(letter);
        },
      ),
    );
  });

  test('breaks a word that is longer than a line', () => {
    const row = ['111122223333/eu-west-1/team/payments-api', 'wait', 'x'.repeat(30)];
    expect(table([row], columns, 24).split('\n')).toEqual([
      'stream',
      '111122223333/eu-west-1',
      '  /team/payments-api',
      '    answer  wait',
      `    why     ${'x'.repeat(12)}`,
      `            ${'x'.repeat(12)}`,
      `            ${'x'.repeat(6)}`,
    ]);
  });
});

test.each([
  [{ isTTY: true, columns: 0 }, 80],
  [{ isTTY: true }, 80],
  [{ isTTY: true, columns: 132 }, 132],
  [{ columns: 40 }, undefined],
])('the width of %j is %s', (stream, width) => {
  expect(widthOfTerminal(stream)).toBe(width);
});
