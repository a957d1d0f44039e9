import type { ReportStore } from '../../shared/ports/reports.ts';
import type { Contract } from './contract.ts';

export function reportsContract({ make }: Pick<Contract<ReportStore>, 'make'>): void {
  const report = (name: string, ofFleet = true) => ({
    json: `{"name":"${name}"}`,
    markdown: `# ${name} é`,
    ofFleet,
  });

  test('before the first report there is none', async () => {
    const reports = await make();
    expect(await reports.get('json')).toBeUndefined();
    expect(await reports.get('md', 'run-1')).toBeUndefined();
  });

  test('each run has its report, and the last one written is the latest', async () => {
    const reports = await make();
    await reports.put('run-1', report('one'));
    await reports.put('run-2', report('two'));
    expect(await reports.get('json', 'run-1')).toBe(report('one').json);
    expect(await reports.get('md', 'run-1')).toBe(report('one').markdown);
    expect(await reports.get('json')).toBe(report('two').json);
    expect(await reports.get('md')).toBe(report('two').markdown);
  });

  test('a report on some scopes is never the latest', async () => {
    const reports = await make();
    await reports.put('run-1', report('fleet'));
    await reports.put('run-2', report('scope', false));
    expect(await reports.get('json', 'run-2')).toBe(report('scope').json);
    expect(await reports.get('json')).toBe(report('fleet').json);
  });
}
