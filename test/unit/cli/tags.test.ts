import type { RepositoryTags } from '../../../cli/command.ts';
import { tagsCommand } from '../../../cli/commands/tags.ts';
import { EXIT, UsageError } from '../../../cli/errors.ts';
import { type PolicyDocument, policySchema } from '../../../shared/domain/policy/policy.ts';
import { protectingTag } from '../../../shared/domain/retention/protecting-tag.ts';
import { parse } from '../../../shared/schema.ts';
import { fakeWorld } from '../../support/fakes/world.ts';
import { digestOf } from '../../support/samples.ts';
import { readOnlyContext, run, runJson } from './support.ts';

const NAME = '111122223333/eu-west-1/base/debian';

/** A world whose policy names the repository, with these tags in the registry. */
async function contextWith(named: Readonly<Record<string, string>>, changes: Partial<PolicyDocument> = {}) {
  const world = fakeWorld();
  const policy = parse(policySchema, {
    ...{ version: 1, ages: { default: { limitDays: 30 } }, severities: [] },
    streams: [
      {
        ...{ id: 'debian', tier: 'base', account: '111122223333', regions: ['eu-west-1'] },
        ...{ repositories: ['base/debian'], headTags: ['^12$'], owner: 'platform' },
      },
    ],
    ...changes,
  } satisfies PolicyDocument);
  await world.policies.publish(policy, {});
  const all = async (): Promise<RepositoryTags> => ({
    named: new Map(Object.entries(named).map(([tag, name]) => [tag, digestOf(name)])),
    mutability: { isImmutable: false, except: [] },
  });
  const context = readOnlyContext(world);
  return { ...context, tags: { ...context.tags, all } };
}

test('tags that move together are compliant, and so is the exit code', async () => {
  const context = await contextWith({ '12': 'a', '12.9': 'a', [protectingTag(digestOf('a'))]: 'a' });
  expect(await run(tagsCommand, context, ['check', NAME])).toEqual({
    code: EXIT.done,
    text: `${NAME} compliant: 0 of 2 tags violate\n`,
  });
});

test('a tag that was left behind is shown with its next step', async () => {
  const context = await contextWith({ '12': 'a', '12.9': 'b' });
  const { code, text } = await run(tagsCommand, context, ['check', `${NAME}`]);
  expect(code).toBe(EXIT.violating);
  expect(text).toContain(`${NAME} violating: 1 of 2 tags violate\n`);
  expect(text).toMatch(
    /\n12 +sha256:\w{12} {2}names another image than 12\.9, .*; next: push it to the image of 12\.9/,
  );
});

test('the JSON has every judged tag', async () => {
  const context = await contextWith({ '12': 'a', '12.9': 'b' });
  expect(await runJson(tagsCommand, context, ['check', NAME])).toMatchObject({
    ...{ location: { repository: 'base/debian' }, status: 'violating', policyVersion: expect.any(String) },
    tags: [
      {
        tag: '12',
        tier: 'base',
        status: 'violating',
        problem: { kind: 'left-behind', newest: '12.9' },
        next: expect.stringMatching(/^push/),
      },
      { tag: '12.9', tier: 'base', status: 'compliant' },
    ],
  });
});

test.each([
  ['without a tag', {}, {}, 'has no tag that the policy judges'],
  ['without a rule', { '12': 'a' }, { streams: [] }, 'Add a rule for the repository.'],
  ['of a tier without a scheme', { '12': 'a' }, { tags: { tiers: {} } }, 'give its tier a scheme'],
])('a repository %s is unknown, with the next step', async (_, named, changes, problem) => {
  const context = await contextWith(named as Record<string, string>, changes);
  const { code, text } = await run(tagsCommand, context, ['check', NAME]);
  expect([code, text]).toEqual([EXIT.unknown, expect.stringContaining(problem)]);
});

test('a hostile tag reaches the terminal as visible text only', async () => {
  const tags = { tiers: { base: 'unique' as const } };
  const context = await contextWith({ 'a\u001b[31m\u202eb\nc': 'a' }, { tags });
  const { text } = await run(tagsCommand, context, ['check', NAME]);
  expect(text).toContain('a\\u001b[31m\\u202eb\\nc');
});

test.each([
  ['list', NAME, 'is not an action'],
  ['check', 'nginx', 'names no private registry'],
  ['check', `${NAME}:12`, 'names an image'],
  ['check', `${NAME}@${digestOf('a')}`, 'names an image'],
])('tags %s %s is wrong use', async (action, name, problem) => {
  const context = await contextWith({});
  await expect(run(tagsCommand, context, [action, name])).rejects.toThrow(UsageError);
  await expect(run(tagsCommand, context, [action, name])).rejects.toThrow(problem);
});
