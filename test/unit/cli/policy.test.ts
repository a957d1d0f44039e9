import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { jest } from '@jest/globals';
import { lineageCommand } from '../../../cli/commands/lineage.ts';
import { planCommand } from '../../../cli/commands/plan.ts';
import { policyCommand } from '../../../cli/commands/policy.ts';
import { resetCommand } from '../../../cli/commands/reset.ts';
import { statusCommand } from '../../../cli/commands/status.ts';
import { type PlanWorld, planWorld, STREAM, violating } from '../cascade-plan/support.ts';
import { cliContext, run, runJson } from './support.ts';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'policy-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** The file of a policy that names nothing. */
function fileOf(limitDays: number): string {
  const file = join(folder, `${limitDays}.json`);
  writeFileSync(file, JSON.stringify({ version: 1, ages: { default: { limitDays } }, streams: [], severities: [] }));
  return file;
}

const apply = (world: PlanWorld, file: string) => runJson(policyCommand, cliContext(world), ['apply', file]);
const applied = async (world: PlanWorld, file: string) =>
  run(policyCommand, cliContext(world), ['apply', file], { yes: true, 'leave-streams': true });

const HARM: Readonly<Record<string, (world: PlanWorld, version: string) => void>> = {
  'is missing': ({ policies }, version) => policies.lose(version),
  'is no JSON': ({ policies }, version) => policies.replace(version, 'no JSON'),
  'is refused by the schema': ({ policies }, version) => policies.replace(version, '{"version": 1}'),
  'is of a later version': ({ policies }, version) => policies.replace(version, '{"version": 9}'),
  'is named by a damaged item': ({ policies }) => policies.damagePointer(),
};

describe.each(Object.entries(HARM))('where the policy in force %s', (_, harm) => {
  test.each([
    ['the same', 30],
    ['another', 14],
  ])('apply repairs it with %s policy', async (_which, days) => {
    const world = await planWorld();
    await violating(world, 0);
    await applied(world, fileOf(30));
    const { version } = await world.policies.current();
    harm(world, version);
    await expect(world.policies.current()).rejects.toMatchObject({ name: 'PolicyUnreadableError' });
    const { code, text } = await applied(world, fileOf(days));
    expect([code, text]).toEqual([0, expect.stringContaining(' is in force now. ')]);
    expect((await world.policies.current()).policy.ages.default.limitDays).toBe(days);
  });

  test('status reports it with the next step; other commands fail or work without it', async () => {
    const world = await planWorld();
    await violating(world, 0);
    const { version } = await world.policies.current();
    harm(world, version);
    const advice = '`patchwave policy apply FILE`';
    expect((await run(statusCommand, cliContext(world))).text).toMatch(
      /^Policy .* cannot be read: .*patchwave policy apply/,
    );
    expect(await runJson(statusCommand, cliContext(world))).toMatchObject({
      policy: { unreadable: expect.stringContaining(advice) },
    });
    await expect(run(planCommand, cliContext(world))).rejects.toThrow(advice);
    await expect(run(policyCommand, cliContext(world), ['show'])).rejects.toThrow(advice);
    expect(await runJson(resetCommand, cliContext(world), [STREAM], { reason: 'fixed' })).toMatchObject({
      answer: { answer: 'wait', reason: 'paused', detail: expect.stringContaining(advice) },
    });
    expect((await run(lineageCommand, cliContext(world))).code).toBe(0);
  });
});

test('the policy in force is not applied again if readable; its document is written again, for doors in other Regions', async () => {
  const world = await planWorld();
  await applied(world, fileOf(30));
  const { policies } = world;
  const published = jest.spyOn(policies, 'publish');
  const { version } = await policies.current();
  expect(await apply(world, fileOf(30))).toMatchObject({ applied: false });
  expect(await runJson(statusCommand, cliContext(world))).toMatchObject({
    policy: { version },
  });
  expect(published).toHaveBeenCalledTimes(1);
  expect(published.mock.calls[0]).toMatchObject([{ ages: { default: { limitDays: 30 } } }, { replaces: version }]);
});

test('with --json and the answer N the changes are printed, and the policy is not applied', async () => {
  const world = await planWorld();
  await applied(world, fileOf(30));
  const before = await world.policies.current();
  const answers = Object.assign(new PassThrough(), { isTTY: true });
  const stdin = Object.getOwnPropertyDescriptor(process, 'stdin') ?? {};
  Object.defineProperty(process, 'stdin', { ...stdin, get: () => answers });
  const asked = jest.spyOn(process.stderr, 'write').mockImplementation(() => answers.write('n\n'));
  try {
    expect(await apply(world, fileOf(14))).toMatchObject({ applied: false, replaces: before.version, changes: [] });
  } finally {
    Object.defineProperty(process, 'stdin', stdin);
    asked.mockRestore();
  }
  expect(await world.policies.current()).toEqual(before);
});

test('Ctrl-C at the question is a no', async () => {
  const world = await planWorld();
  await applied(world, fileOf(30));
  const before = await world.policies.current();
  const answers = Object.assign(new PassThrough(), { isTTY: true });
  const stdin = Object.getOwnPropertyDescriptor(process, 'stdin') ?? {};
  Object.defineProperty(process, 'stdin', { ...stdin, get: () => answers });
  const stderr = process.stderr.isTTY;
  process.stderr.isTTY = true;
  const asked = jest.spyOn(process.stderr, 'write').mockImplementation((text) => {
    if (String(text).includes('Put it in force?')) setImmediate(() => answers.write('\u0003'));
    return true;
  });
  try {
    const { code, text } = await run(policyCommand, cliContext(world), ['apply', fileOf(14)]);
    expect(code).toBe(1);
    expect(text).toMatch(/Nothing was changed\.\n$/);
  } finally {
    Object.defineProperty(process, 'stdin', stdin);
    process.stderr.isTTY = stderr;
    asked.mockRestore();
  }
  expect(await world.policies.current()).toEqual(before);
});

describe('validate', () => {
  test('gives problems as data with line numbers', async () => {
    const file = join(folder, 'bad.yaml');
    writeFileSync(file, 'version: 1\nages: { default: { limitDays: -1 } }\nstreams: []\nseverities: []\n');
    expect(await runJson(policyCommand, cliContext(await planWorld()), ['validate', file])).toEqual({
      valid: false,
      problems: [{ path: 'ages.default.limitDays', message: expect.any(String), line: 2 }],
    });
  });

  test('names the file that cannot be read', async () => {
    await expect(run(policyCommand, cliContext(await planWorld()), ['validate', folder])).rejects.toMatchObject({
      name: 'UsageError',
      message: `${folder} cannot be read.`,
    });
  });

  test('show takes no file', async () => {
    await expect(run(policyCommand, cliContext(await planWorld()), ['show', fileOf(30)])).rejects.toThrow(
      '"policy show" takes no file',
    );
  });
});
