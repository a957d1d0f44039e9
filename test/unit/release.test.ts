import { existsSync, readFileSync } from 'node:fs';

const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
const { version } = JSON.parse(read('package.json')) as { readonly version: string };

test('package-lock.json is of the version of package.json', () => {
  const lock = JSON.parse(read('package-lock.json'));
  expect([lock.version, lock.packages[''].version]).toEqual([version, version]);
});

test('CHANGELOG.md has a chapter of this version', () => {
  expect(read('CHANGELOG.md')).toMatch(new RegExp(`^## ${version.replaceAll('.', '\\.')}\\b`, 'm'));
});

test.each(['ledger.jsonl', 'policy.json'])('the stored form of this version is kept for later ones: %s', (file) => {
  expect(existsSync(new URL(`stored/${version}.${file}`, import.meta.url))).toBe(true);
});
