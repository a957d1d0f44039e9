import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadFleet } from '../../local/fleet/load.ts';
import { runCommand } from './oracle/command.ts';

describe('an invalid file', () => {
  let folder = '';
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'patchwave-bad-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));
  const write = async (name: string, text: string): Promise<string> => {
    await writeFile(join(folder, name), text);
    return join(folder, name);
  };

  test.each([
    ['a field that is none', 'streams: []\nseverities: []\nseverites: []', 'line 6, severites: is not a known field'],
    ['a value that is none', 'streams: []\nseverities: []\nstaleScanHours: soon', 'line 6, staleScanHours: '],
    ['an item that is none', 'severities: []\nstreams:\n  - id: web', 'line 6, streams[0].tier: '],
    ['broken YAML', 'streams: [', 'line 5: '],
  ])(
    'a policy with %s is refused with field and line',
    async (_, rest, problem) => {
      const text = `version: 1\nages:\n  default: { limitDays: 30 }\n${rest}\n`;
      const { code, stdout, stderr } = await runCommand('cli/main.ts', [
        ...['policy', 'validate', await write('policy.yaml', text)],
      ]);
      expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
      expect(stderr).toContain(problem);
    },
    30_000,
  );

  test('a fleet with a cycle is refused with its path, before anything is started', async () => {
    const fleet = await loadFleet('local/fleet/small.json');
    const images = fleet.images.map((image) =>
      image.name === 'debian-12-7' ? { ...image, os: undefined, parent: 'node-22' } : image,
    );
    const file = await write('fleet.json', JSON.stringify({ ...fleet, images }));
    const { code, stdout, stderr } = await runCommand('local/demo/main.ts', ['--fleet', file]);
    expect(code).toBe(1);
    expect(stderr).toContain(
      'images[0].parent: these images are built on one another in a circle: debian-12-7 -> node-22 -> debian-12-7',
    );
    expect(stdout).not.toContain('Starts a local AWS');
  }, 30_000);
});

describe('wrong use of the commands', () => {
  test.each<[words: string[], code: number, says: string]>([
    [['status', '--nope'], 2, "patchwave: Unknown option '--nope'. See: patchwave status --help\n"],
    [['polcy'], 2, 'Did you mean "policy"?'],
    [['why'], 2, 'Expected: patchwave why IMAGE'],
    [['help', 'plan'], 0, '--preview RUN'],
    [['--version'], 0, '0.2.0'],
  ])(
    '%j ends with %d and says what is right',
    async (words, code, says) => {
      const { stdout, stderr, ...ended } = await runCommand('cli/main.ts', words);
      expect(ended.code).toBe(code);
      expect(code === 0 ? stdout : stderr).toContain(says);
    },
    30_000,
  );
});
