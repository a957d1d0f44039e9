import { matchesAnyName } from '../../../../shared/domain/image/name-pattern.ts';

test.each([
  ['*.dkr.ecr.*.amazonaws.com/*', '111122223333.dkr.ecr.eu-west-1.amazonaws.com/team/web', true],
  ['*.dkr.ecr.*.amazonaws.com/*', '111122223333.dkr.ecr.evil.example/x.amazonaws.com/web', false],
  ['*.dkr.ecr.*.amazonaws.com/*', 'evil.example/a.dkr.ecr.b.amazonaws.com/web', false],
  ['*/library/*', 'docker.io/library/nginx', true],
  ['*/library/*', 'docker.io/stranger/library/nginx', false],
  ['docker.io/library/*', 'docker.io/library/nginx', true],
  ['docker.io/library/*', 'docker.io.evil.example/library/nginx', false],
  ['docker.io/team', 'docker.io/team', true],
  ['docker.io/team', 'docker.io/team2', false],
  ['*', 'docker.io/library/nginx', true],
  ['docker.io*', 'docker.io/library/nginx', true],
  ['a/*', 'a', false],
])('whether %s matches %s: %s', (pattern, name, expected) => {
  expect(matchesAnyName([pattern], name)).toBe(expected);
});
