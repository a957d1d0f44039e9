/**
 * How the tags of a tier are made. `versions`: tags follow the versions of the upstream and move with each build, all of a
 * build together (`14`, `14.9`, `14.9.0`). `unique`: each build has a tag of its own, with its commit and its number.
 */
export const TAG_SCHEMES = ['versions', 'unique'] as const;
export type TagScheme = (typeof TAG_SCHEMES)[number];

export const DEFAULT_TAG_SCHEMES = { base: 'versions', platform: 'versions', application: 'unique' } as const;

/** Seven or eight digits alone are rather a date or a number of a build than a commit, and nothing tells them apart. */
const DIGITS_ALONE = '[0-9]{7,8}(?![0-9a-f])';
const COMMIT = `(?:^|[._-])(?!${DIGITS_ALONE})[0-9a-f]{7,40}`;
const COMMIT_AND_BUILD = new RegExp(`${COMMIT}[._-]\\d+$`);
const COMMIT_ALONE = new RegExp(`${COMMIT}$`);
const DIGITS_AS_COMMIT = new RegExp(`(?:^|[._-])${DIGITS_ALONE}(?:[._-]\\d+)?$`);

/** `0a1b2c3-17`, `main-0a1b2c3-17`: Git prints at least seven digits of a commit. */
export const isCommitAndBuild = (tag: string): boolean => COMMIT_AND_BUILD.test(tag);

/** `0a1b2c3`, `1.4.2-0a1b2c3`. */
export const isCommitAlone = (tag: string): boolean => COMMIT_ALONE.test(tag) && !isCommitAndBuild(tag);

/** `20251128-1`, `20251128`: digits stand where a commit should. */
export const hasDigitsAsCommit = (tag: string): boolean =>
  DIGITS_AS_COMMIT.test(tag) && !isCommitAndBuild(tag) && !isCommitAlone(tag);

/** Tags that name a commit and no build, in the usual lengths. */
export const COMMITS_ALONE: readonly string[] = ['0a1b2c3', '0a1b2c3d', '0a1b2c3d4e5f60718293a4b5c6d7e8f901234567'];
