import { stripVTControlCharacters } from 'node:util';
import type { CliContext } from '../../../cli/command.ts';
import { reportCommand } from '../../../cli/commands/report.ts';
import { shown } from '../../../cli/output.ts';
import { reportPage } from '../../../cli/report/report-page.ts';
import { markdownTable, section } from '../../../shared/domain/common/markdown.ts';
import { visibleLine } from '../../../shared/domain/common/visible-text.ts';
import { hostileTexts } from '../../support/hostile.ts';
import { fc } from '../../support/seeded.ts';
import { onTerminal, run, runJson } from './support.ts';

const markdownOf = (why: string): string =>
  `# Fleet review\n\nRun 1: **succeeded**. Policy \`abc\`. ${'Written 2026-11-24 03:00 UTC. '.repeat(3).trim()}\n\n${section(
    'Violating: base, team_a',
    'SI-2, SI-2(3)',
    markdownTable(
      [
        { image: '111122223333/us-east-1/base/debian sha256:23c4da9c4ad2', images: '2', why },
        { image: 'short', images: '10', why: 'old' },
      ],
      [
        { title: 'Image', text: ({ image }) => image },
        { title: 'Images', text: ({ images }) => images, isNumber: true },
        { title: 'Why', text: (row) => row.why },
      ],
    ),
  )}`;

const context = (markdown: string): CliContext =>
  ({
    reviews: { report: async (format: string) => (format === 'md' ? markdown : '{"runId":"1"}') },
  }) as unknown as CliContext;

test('on a terminal a report has tables that fit it, and no markup', async () => {
  const markdown = markdownOf('critical CVE-1 in libssl3 3.0.13-1~deb12u1 | older than *30* days (no-critical)');
  const { text } = await onTerminal(80, () => run(reportCommand, context(markdown)));
  const lines = stripVTControlCharacters(text).trimEnd().split('\n');
  expect(lines.filter((line) => line.length > 80)).toEqual([]);
  expect(lines).toEqual([
    'Fleet review',
    '',
    'Run 1: succeeded. Policy `abc`. Written 2026-11-24 03:00 UTC. Written 2026-11-24',
    '  03:00 UTC. Written 2026-11-24 03:00 UTC.',
    '',
    'Violating: base, team_a',
    '',
    'NIST SP 800-53: SI-2, SI-2(3)',
    '',
    'Image                                                   Images',
    '111122223333/us-east-1/base/debian sha256:23c4da9c4ad2       2',
    '    Why  critical CVE-1 in libssl3 3.0.13-1~deb12u1 | older than *30* days',
    '         (no-critical)',
    'short                                                       10',
    '    Why  old',
  ]);
});

test('in a file or a pipe it is the Markdown itself, and with --json it is JSON, also on a terminal', async () => {
  const markdown = markdownOf('old');
  expect((await run(reportCommand, context(markdown))).text).toBe(`${markdown.trimEnd()}\n`);
  expect(await onTerminal(80, () => runJson(reportCommand, context(markdown)))).toEqual({ runId: '1' });
});

test('foreign text in a cell stays in its cell, whatever it contains', () => {
  fc.assert(
    fc.property(hostileTexts, (text) => {
      const lines = stripVTControlCharacters(shown(reportPage(markdownOf(text), 100_000))).split('\n');
      const at = lines.findIndex((line) => line.startsWith('Image '));
      expect(lines.length).toBe(at + 3);
      const cell = lines[at + 1]?.slice('111122223333/us-east-1/base/debian sha256:23c4da9c4ad2       2  '.length);
      expect(cell?.trim()).toBe(visibleLine(text).trim());
    }),
  );
});
