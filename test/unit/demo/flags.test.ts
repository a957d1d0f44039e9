import { readFileSync } from 'node:fs';
import { DEMO_HELP, DemoUsageError, parseFlags } from '../../../local/demo/flags.ts';

test('without flags: the fleet of three tiers, as its policy says, no trouble', () => {
  expect(parseFlags([])).toEqual({
    json: false,
    keep: false,
    help: false,
    verbose: false,
    fleet: 'local/fleet/tiers.json',
    registry: false,
    seed: 1,
  });
});

test('every flag is taken', () => {
  const words = ['--json', '--keep', '--fleet', 'f.json', '--mode', 'paused', '--seed', '7', '--chaos', '0'];
  words.push('--verbose', '--svg', 'plan.svg');
  expect(parseFlags(words)).toEqual({
    json: true,
    keep: true,
    help: false,
    verbose: true,
    svg: 'plan.svg',
    fleet: 'f.json',
    registry: false,
    mode: 'paused',
    seed: 7,
    chaos: 0,
  });
});

test('--registry takes the fleet of the registry', () => {
  expect(parseFlags(['--registry'])).toMatchObject({ registry: true, fleet: 'local/fleet/registry.json' });
});

test.each([
  [['--mode', 'dry'], '--mode takes enforce, report-only, paused, not "dry"'],
  [['--seed', '-1'], 'seed'],
  [['--seed', '1.5'], '--seed takes a whole number from 0 to 999999999, not "1.5"'],
  [['--chaos', 'yes'], '--chaos takes a whole number'],
  [['--fast'], '--fast'],
  [['--registry', '--fleet', 'f.json'], '--registry has a fleet of its own'],
  [['fleet.json'], 'fleet.json'],
])('%j is refused and named', (words, message) => {
  expect(() => parseFlags(words)).toThrow(DemoUsageError);
  expect(() => parseFlags(words)).toThrow(message);
});

test('README lists the flags of the help, and no other', () => {
  const [, table = ''] = readFileSync('README.md', 'utf8').split('\n| flag | does |\n');
  const rows = (table.split('\n\n')[0] ?? '').matchAll(/^\| `--([a-z]+)/gm);
  expect(DEMO_HELP.split('\n').filter((line) => line.length > 80)).toEqual([]);
  const helped = DEMO_HELP.matchAll(/^ {2}--([a-z]+)/gm);
  const flagsIn = (matches: Iterable<RegExpExecArray>) => Array.from(matches, ([, flag]) => flag).sort();
  expect(flagsIn(rows)).toEqual(flagsIn(helped).filter((flag) => flag !== 'help'));
});
