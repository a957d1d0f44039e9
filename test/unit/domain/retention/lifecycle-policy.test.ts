import { readLifecyclePolicy, selects } from '../../../../shared/domain/retention/lifecycle-policy.ts';

const EXPIRE = { type: 'expire' };
const read = (selection: unknown, action: unknown = EXPIRE) =>
  readLifecyclePolicy(JSON.stringify({ rules: [{ rulePriority: 7, description: 'd', selection, action }] })).rules?.[0];

test.each([
  [
    'so many of a prefix',
    { tagStatus: 'tagged', tagPrefixList: ['v', 'w'], countType: 'imageCountMoreThan', countNumber: 3 },
    EXPIRE,
    { tagStatus: 'tagged', tagPatterns: ['v*', 'w*'], storage: 'standard' },
    { action: 'expire', leaves: { by: 'count', images: 3 } },
  ],
  [
    'so many days of a pattern',
    {
      tagStatus: 'tagged',
      tagPatternList: ['*-rc'],
      countType: 'sinceImagePushed',
      countUnit: 'days',
      countNumber: 14,
    },
    EXPIRE,
    { tagStatus: 'tagged', tagPatterns: ['*-rc'], storage: 'standard' },
    { action: 'expire', leaves: { by: 'pushed', days: 14 } },
  ],
  [
    'an image that is not pulled goes into the archive',
    { tagStatus: 'any', countType: 'sinceImagePulled', countUnit: 'days', countNumber: 60, storageClass: 'standard' },
    { type: 'transition', targetStorageClass: 'archive' },
    { tagStatus: 'any', tagPatterns: [], storage: 'standard' },
    { action: 'archive', leaves: { by: 'pulled', days: 60 } },
  ],
  [
    'what lies there long enough is deleted',
    {
      ...{ tagStatus: 'untagged', countType: 'sinceImageTransitioned', countUnit: 'days' },
      ...{ countNumber: 90, storageClass: 'archive' },
    },
    EXPIRE,
    { tagStatus: 'untagged', tagPatterns: [], storage: 'archive' },
    { action: 'expire', leaves: { by: 'archived', days: 90 } },
  ],
])('a rule is read: %s', (_, selection, action, select, effect) => {
  expect(read(selection, action)).toEqual({ priority: 7, selection: select, effect });
});

const MORE_THAN_3 = { tagStatus: 'any', countType: 'imageCountMoreThan', countNumber: 3 };
test.each([
  ['a count type of tomorrow', { ...MORE_THAN_3, countType: 'sinceImageScanned' }, EXPIRE, 'countType'],
  [
    'a unit of tomorrow',
    { tagStatus: 'any', countType: 'sinceImagePushed', countUnit: 'hours', countNumber: 3 },
    EXPIRE,
    'countUnit',
  ],
  ['no number', { ...MORE_THAN_3, countNumber: 0 }, EXPIRE, 'countNumber'],
  ['an action of tomorrow', MORE_THAN_3, { type: 'replicate' }, 'type'],
  [
    'a storage of tomorrow to go to',
    MORE_THAN_3,
    { type: 'transition', targetStorageClass: 'deep' },
    'targetStorageClass',
  ],
])('the selection of a rule is known although its effect is not: %s', (_, selection, action, named) => {
  const rule = read(selection, action);
  expect(rule?.selection).toMatchObject({ tagStatus: 'any' });
  expect(rule?.effect).toBeUndefined();
  expect(rule?.problem).toMatch(new RegExp(`^rule 7: .*${named}`));
});

test.each([
  ['a tag status of tomorrow', { ...MORE_THAN_3, tagStatus: 'signed' }],
  ['a part that narrows it', { ...MORE_THAN_3, platform: 'linux/arm64' }],
  ['tagged, and no list', { ...MORE_THAN_3, tagStatus: 'tagged' }],
  ['a list, and not tagged', { ...MORE_THAN_3, tagPrefixList: ['v'] }],
  ['a prefix with a wildcard', { ...MORE_THAN_3, tagStatus: 'tagged', tagPrefixList: ['v*'] }],
  ['no selection', undefined],
])('a rule may select anything where what it selects cannot be read: %s', (_, selection) => {
  expect(read(selection)).toEqual({ priority: 7, problem: expect.stringMatching(/^rule 7: /) });
});

test.each(['', '[]', '{"rules": {}}', '{"rules": [{"selection": {}}]}'])('no policy: %s', (text) => {
  expect(readLifecyclePolicy(text)).toEqual({ problem: expect.stringContaining('the lifecycle policy') });
});

test('rules stand in the order in which they are applied', () => {
  const rules = [30, 1, 2].map((rulePriority) => ({ rulePriority, selection: MORE_THAN_3, action: EXPIRE }));
  expect(readLifecyclePolicy(JSON.stringify({ rules })).rules?.map(({ priority }) => priority)).toEqual([1, 2, 30]);
});

test.each([
  ['tagged', ['v*'], ['v1'], false, true],
  ['tagged', ['v*', '*-rc'], ['v1-rc'], false, true],
  ['tagged', ['v*', '*-rc'], ['v1', 'x-rc'], false, true],
  ['tagged', ['v*', '*-rc'], ['v1'], false, false],
  ['tagged', ['*'], [], false, false],
  ['tagged', ['v*'], ['v1'], true, false],
  ['untagged', [], [], false, true],
  ['untagged', [], ['v1'], false, false],
  ['any', [], ['v1'], false, true],
  ['any', [], [], false, true],
] as const)('%s %j selects tags %j (archived: %s): %s', (tagStatus, tagPatterns, tags, archived, expected) => {
  expect(selects({ tagStatus, tagPatterns, storage: 'standard' }, { tags, archived })).toBe(expected);
});
