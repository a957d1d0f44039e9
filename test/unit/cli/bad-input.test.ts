import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { jest } from '@jest/globals';
import { COMMANDS } from '../../../cli/all-commands.ts';
import { runCommandLine } from '../../../cli/command-line.ts';
import { planWorld, streamOf, violating } from '../cascade-plan/support.ts';
import { readOnlyContext } from './support.ts';

const folder = mkdtempSync(join(tmpdir(), 'patchwave-bad-'));
const file = (name: string): string => join(folder, name);
const before = process.stdin.isTTY;

beforeAll(() => {
  process.stdin.isTTY = false;
  writeFileSync(file('binary'), Buffer.from(Array.from({ length: 4000 }, (_, at) => at % 256)));
  writeFileSync(file('huge'), 'x'.repeat(3_000_000));
  writeFileSync(file('empty'), '');
  writeFileSync(file('broken.yaml'), 'streams: [');
  writeFileSync(file('list.yaml'), '- 1\n- 2\n');
  writeFileSync(file('unknown.yaml'), `version: 1\n${'x'.repeat(5000)}: 1\n`);
  writeFileSync(file('many.yaml'), Array.from({ length: 500 }, (_, at) => `field${at}: 1`).join('\n'));
  writeFileSync(
    file('bomb.yaml'),
    `a: &a [x]\n${'bcdefghij'
      .split('')
      .map((name, at) => `${name}: &${name} [${Array(10).fill(`*${'abcdefghi'[at]}`).join(', ')}]`)
      .join('\n')}\n`,
  );
  writeFileSync(file('escape.yaml'), 'version: "\u001b[31mred"\n');
  writeFileSync(file('good.yaml'), 'version: 1\nages: { default: { limitDays: 30 } }\nstreams: []\nseverities: []\n');
  mkdirSync(file('folder'));
});
afterAll(() => {
  process.stdin.isTTY = before;
  rmSync(folder, { recursive: true });
});

const HUGE = 'h'.repeat(100_000);
const FORGED = 'a\nFORGED LINE\n\u001b[31m';
const DIGEST = `sha256:${'0'.repeat(64)}`;
const STREAM = streamOf(0);

/** What each command refuses with one line: its words, and the exit code. */
const BAD: readonly (readonly [words: readonly string[], code: number])[] = [
  // Each command: an unknown option, a value that is missing or not wanted, too few and too many arguments.
  ...Object.entries(COMMANDS).flatMap(
    ([
      name,
      {
        options,
        words: [least, most],
      },
    ]) => {
      const enough = Array.from({ length: least }, () => 'x');
      const [text] = Object.entries(options).flatMap(([option, { type }]) => (type === 'string' ? option : []));
      const [flag] = Object.entries(options).flatMap(([option, { type }]) => (type === 'boolean' ? option : []));
      return [
        [[name, ...enough, '--nope'], 2],
        [[name, ...enough, '-Z'], 2],
        [[name, ...enough, '--stack'], 2],
        ...(text === undefined ? [] : [[[name, ...enough, `--${text}`], 2] as const]),
        [[name, ...enough, '--stack', ''], 2],
        [[name, ...enough, '--region='], 2],
        ...(text === undefined ? [] : [[[name, ...enough, `--${text}`, ''], 2] as const]),
        ...(flag === undefined ? [] : [[[name, ...enough, `--${flag}=yes`], 2] as const]),
        ...(least === 0 ? [] : [[[name], 2] as const]),
        ...(most > 10 ? [] : [[[name, ...Array.from({ length: most + 1 }, () => 'x')], 2] as const]),
      ] as (readonly [readonly string[], number])[];
    },
  ),
  [['statsu'], 2],
  [[''], 2],
  [['--nope'], 2],
  [[HUGE], 2],
  [[FORGED], 2],
  [['constructor'], 2],
  [['help', 'nope'], 2],
  [['help', FORGED], 2],
  [['status', `--${HUGE}`], 2],
  [['completion', 'tcsh'], 2],
  [['completion', HUGE], 2],
  [['why', ''], 2],
  [['why', HUGE], 1],
  [['why', FORGED], 1],
  [['why', DIGEST], 1],
  [['why', 'sha256:zz'], 1],
  [['why', 'nothing/here:1'], 1],
  [['why', `nothing@${DIGEST}`], 1],
  [['why', '111122223333/eu-west-1/nothing'], 1],
  [['why', '::::'], 1],
  [['lineage', 'nothing'], 1],
  [['age', '--days', 'soon'], 2],
  [['age', '--days', '-1'], 2],
  [['age', '--days', '1e9'], 2],
  [['age', '--days', 'NaN'], 2],
  [['age', '--days', '1.5'], 2],
  [['age', '--days', '0x10'], 2],
  [['age', '--days', '1e1'], 2],
  [['age', '--days', ''], 2],
  [['check', 'a b'], 2],
  [['check', ''], 2],
  [['check', 'docker.io/library/node:22'], 2],
  [['check', DIGEST, '--wait', 'long'], 2],
  [['check', DIGEST, '--wait', '181'], 2],
  [['check', DIGEST, '--wait', '0x10'], 2],
  [['check', DIGEST, '--json', '--sarif'], 2],
  [['check', FORGED], 2],
  [['tags', 'list', 'x'], 2],
  [['tags', 'check', 'no registry'], 2],
  [['tags', 'check', '111122223333/eu-west-1/web:1'], 2],
  [['tags', 'check', HUGE], 2],
  [['review', 'everything'], 2],
  [['review', '111122223333'], 2],
  [['review', '111122223333/EU'], 2],
  [['review', FORGED], 2],
  [['report', '--run', 'nothing'], 1],
  [['plan', '--policy', file('absent')], 2],
  [['plan', '--policy', file('binary')], 2],
  [['plan', '--policy', file('folder')], 2],
  [['plan', '--preview', 'nothing'], 1],
  [['plan', '--preview', '../../x'], 1],
  [['plan', '--svg', join(folder, 'absent', 'x.svg')], 2],
  [['rebuild', STREAM], 2],
  [['rebuild', STREAM, '--reason', ' '], 2],
  [['rebuild', 'nothing', '--reason', 'x'], 1],
  [['rebuild', HUGE, '--reason', 'x'], 1],
  [['rebuild', FORGED, '--reason', 'x'], 1],
  [['reset', STREAM], 2],
  [['reset', 'nothing', '--reason', 'x'], 1],
  [['pause'], 2],
  [['pause', '--reason', ''], 2],
  [['pause', '--reason', '--json'], 2],
  [['resume', '--reason', ''], 2],
  [['confirm-left', '111122223333/eu-west-1'], 2],
  [['confirm-left', 'x', '--reason', 'x'], 2],
  [['confirm-left', '111122223333/eu-west-1', '--reason', 'x'], 1],
  [['confirm-unused', '111122223333/eu-west-1/main/old', '--reason', 'x', '--by', 'Jo'], 2],
  [['confirm-unused', '111122223333/eu-west-1/main/old', '--reason', 'x', '--by', 'Jo', '--until', 'soon'], 2],
  [['confirm-unused', 'old', '--reason', 'x', '--by', 'Jo', '--until', '2027-01-31'], 2],
  [['policy', 'nope'], 2],
  [['policy', 'show', 'x'], 2],
  [['policy', 'validate'], 2],
  [['policy', 'validate', ''], 2],
  [['policy', 'apply'], 2],
  ...(['validate', 'apply'] as const).flatMap((action) =>
    (
      [
        ...[
          ['absent', 2],
          ['folder', 2],
          ['binary', 2],
          ['huge', 2],
          ['empty', 1],
          ['broken.yaml', 1],
          ['list.yaml', 1],
        ],
        ...[
          ['unknown.yaml', 1],
          ['many.yaml', 1],
          ['bomb.yaml', 1],
          ['escape.yaml', 1],
        ],
      ] as const
    ).map(([name, code]) => [['policy', action, file(`${name}`)], code] as const),
  ),
  [['policy', 'validate', '/dev/zero'], 2],
  [['lint', file('absent'), '--policy', file('good.yaml')], 2],
  [['lint', folder, '--policy', file('absent')], 2],
  [['lint', folder, '--json', '--sarif', '--policy', file('good.yaml')], 2],
  [['doctor', '--deep=1'], 2],
  [['doors', 'nope'], 2],
  [['doors', 'check', '--policy', file('absent')], 2],
  [['doors', 'check', '--policy', file('binary')], 2],
  [['doors', 'check', '--policy', file('folder')], 2],
  [['doors', 'check', '--policy', file('broken.yaml')], 1],
  [['doors', 'check', '--policy', file('many.yaml')], 1],
  [['doors', 'check', '--cluster', 'nothing'], 1],
  [['doors', 'check', '--cluster', FORGED], 1],
  [['doors', 'check', '--cluster', HUGE], 1],
  [['doors', 'check', '--external-id', 'x'], 2],
  [['check', '   '], 2],
  [['check', 'sha256:0123456789ab'], 2],
  [['tags', 'check', ''], 2],
  [['tags', 'check', DIGEST], 2],
  [['rebuild', '', '--reason', 'x'], 2],
  [['reset', ' ', '--reason', 'x'], 2],
  [['lineage', ''], 2],
  [['lineage', HUGE], 1],
  [['watch', '--every', '0'], 2],
  [['watch', '--every', '0b11'], 2],
  [['watch', '--every', '1e99'], 2],
  [['watch', '--every', FORGED], 2],
  [['report', '--run', FORGED], 1],
  [['report', '--run', HUGE], 1],
  [['review', ''], 2],
  [['review', '*'], 2],
  [['plan', '--svg', file('folder')], 2],
  [['plan', '--policy', file('bomb.yaml')], 1],
  [['confirm-left', '*', '--reason', 'x'], 2],
  [['lint', '', '--policy', file('good.yaml')], 2],
  [['policy', 'init', 'x'], 2],
  [['policy', 'init', '--accounts', '1'], 2],
  [['policy', 'init', '--accounts', '444455556666'], 2],
  [['policy', 'init', '--regions', FORGED], 2],
  [['init', '--yes', '--directory', folder, '--account', 'x'], 2],
  [['init', '--yes', '--directory', folder, '--region', 'nope'], 2],
  [['init', '--yes', '--directory', folder, '--members', '444455556666,x'], 2],
  [['init', '--yes', '--directory', folder, '--alarm-email', 'a@b.c" X="y'], 2],
  [['init', '--yes', '--directory', folder, '--organization', 'o-x'], 2],
  [['init', '--yes', '--directory', folder, '--covered-by-stack-set'], 2],
  [['init', '--yes', '--directory', folder, '--stack', FORGED], 2],
  [['init', '--yes', '--directory', folder, '--alarm-topic', HUGE], 2],
];

/** Problems of a file are listed, each on its line. */
const LISTS = /^patchwave: The policy is invalid\. .*:$/;
const MOST_LINES = 41;

async function outcome(words: readonly string[]) {
  const world = await planWorld();
  await violating(world);
  const printed = { stdout: '', stderr: '' };
  const spies = (['stdout', 'stderr'] as const).map((name) =>
    jest.spyOn(process[name], 'write').mockImplementation((piece) => {
      printed[name] += String(piece);
      return true;
    }),
  );
  try {
    // Each write of the ledger is an error of its own.
    return { code: await runCommandLine(words, async () => readOnlyContext(world)), ...printed };
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
}

test('there are at least 120 of them, over all commands', () => {
  expect(BAD.length).toBeGreaterThanOrEqual(120);
  const named = new Set(BAD.map(([[name = '']]) => name));
  expect(Object.keys(COMMANDS).filter((name) => !named.has(name))).toEqual([]);
});

test.each(BAD.map(([words, code]) => [words.map((word) => word.slice(0, 60)).join(' '), words, code] as const))(
  '%j is refused in one line',
  async (_name, words, code) => {
    const kept = readdirSync(folder, { recursive: true });
    const { stdout, stderr, ...ended } = await outcome(words);
    expect({ ...ended, stdout }).toEqual({ code, stdout: '' });
    const lines = stderr.trimEnd().split('\n');
    const [first = '', ...more] = lines;
    expect(first).toMatch(/^patchwave: \S/);
    const isList = LISTS.test(first) || / Did you mean:$/.test(first);
    if (isList) expect(lines.length).toBeLessThanOrEqual(MOST_LINES);
    else expect(more).toEqual([]);
    expect(lines.filter((line) => line.length > 1100)).toEqual([]);
    expect(stripVTControlCharacters(stderr)).toBe(stderr);
    expect(stderr).not.toMatch(/\n {4}at |TypeError|ReferenceError|undefined|\[object|FORGED LINE\n|\S writes$/m);
    expect(readdirSync(folder, { recursive: true })).toEqual(kept);
    expect(existsSync('samconfig.toml')).toBe(false);
  },
);

test('`help help` is the help, and no error', async () => {
  const written = jest.spyOn(process.stdout, 'write').mockReturnValue(true);
  try {
    const refuse = () => Promise.reject(new Error('connected'));
    expect(await runCommandLine(['help', 'help'], refuse)).toBe(0);
    expect(stripVTControlCharacters(String(written.mock.calls[0]?.[0]))).toMatch(/^patchwave COMMAND/);
  } finally {
    written.mockRestore();
  }
});
