import { markdownTable, plainText, section } from '../../../../shared/domain/common/markdown.ts';
import { hiddenIn, hostileTexts } from '../../../support/hostile.ts';
import { fc } from '../../../support/seeded.ts';
import { runs } from '../arbitraries.ts';

interface Row {
  readonly name: string;
  readonly count: number;
}
const columns = [
  { title: 'Name', text: ({ name }: Row) => name },
  { title: 'N', text: ({ count }: Row) => String(count), isNumber: true },
];

test('columns are aligned, numbers to the right', () => {
  const rows = [
    { name: 'storefront', count: 3 },
    { name: 'api', count: 12_000 },
  ];
  expect(markdownTable(rows, columns)).toBe(
    ['| Name       |     N |', '| ---------- | ----: |', '| storefront |     3 |', '| api        | 12000 |'].join('\n'),
  );
});

test('no rows, no table', () => {
  expect(markdownTable([], columns)).toBe('');
});

test('one very long cell does not push the others aside', () => {
  const rows = [
    { name: 'x'.repeat(1000), count: 1 },
    { name: 'y', count: 2 },
  ];
  expect(markdownTable(rows, columns).split('\n').at(-1)?.length).toBe(100 + '|  | '.length + 5);
});

test.each([
  [500, false],
  [501, true],
])('%d rows: some are left out, and a note says so: %s', (count, isCut) => {
  const text = markdownTable(
    Array.from({ length: count }, (_, number) => ({ name: 'a', count: number })),
    columns,
  );
  expect(text.includes('1 more row in')).toBe(isCut);
  expect(text.split('\n').filter((line) => line.startsWith('| a'))).toHaveLength(500);
});

test('no text of others breaks its row or brings markup', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        hostileTexts,
        fc.string({ unit: fc.constantFrom('a', '|', '\n', '\\', '<', '>', '[', ']', '`', '*', '_', '&', '\r') }),
      ),
      (name) => {
        const lines = markdownTable([{ name, count: 1 }], columns).split('\n');
        expect(lines).toHaveLength(3);
        const cells = lines[2]?.replace(/\\./g, '').split('|') ?? [];
        expect(cells).toHaveLength(4);
        expect(cells[1]).not.toMatch(/[<>[\]`*&~$]|\b_|_\b|https?:|www\./);
        expect(hiddenIn(lines[2] ?? '')).toBeUndefined();
      },
    ),
    runs,
  );
});

test.each([
  ['a link of its own', 'https://a.example', String.raw`https\://a.example`],
  ['one without a scheme', 'www.a.example', String.raw`www\.a.example`],
  ['a character reference', '&#8238;&lt;', String.raw`\&#8238;\&lt;`],
  ['HTML', '<img src=x>', String.raw`\<img src=x\>`],
  ['emphasis, and not what is inside a word', '_a_b_', String.raw`\_a_b\_`],
  ['a formula', 'base:^1$', String.raw`base:^1\$`],
  ['what a terminal would act on', '\u001b[2J', String.raw`\\u001b\[2J`],
  ['the usual', 'apps/web:v1.2-3 (critical), 5 %', 'apps/web:v1.2-3 (critical), 5 %'],
])('no text of others means anything in Markdown: %s', (_, text, escaped) => expect(plainText(text)).toBe(escaped));

test('a section names what it is evidence for', () => {
  expect(section('Coverage', 'RA-5', 'All.')).toBe('\n## Coverage\n\n_NIST SP 800-53: RA-5_\n\nAll.\n');
});
