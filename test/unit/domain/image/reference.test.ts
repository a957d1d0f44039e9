import {
  ecrRegistry,
  ImageReferenceError,
  parseImageReference,
  referenceName,
  repositoryName,
} from '../../../../shared/domain/image/reference.ts';
import { fc } from '../../../support/seeded.ts';
import { digestOf, runs } from '../arbitraries.ts';

const DIGEST = digestOf('image');

test.each([
  ['nginx', { host: 'docker.io', repository: 'library/nginx', tag: 'latest' }],
  ['nginx:1.27', { host: 'docker.io', repository: 'library/nginx', tag: '1.27' }],
  ['bitnami/redis:7', { host: 'docker.io', repository: 'bitnami/redis', tag: '7' }],
  ['docker.io/nginx', { host: 'docker.io', repository: 'library/nginx', tag: 'latest' }],
  ['index.docker.io/library/nginx:1', { host: 'docker.io', repository: 'library/nginx', tag: '1' }],
  ['public.ecr.aws/nginx/nginx:1.27', { host: 'public.ecr.aws', repository: 'nginx/nginx', tag: '1.27' }],
  ['localhost/app', { host: 'localhost', repository: 'app', tag: 'latest' }],
  ['LOCALHOST/app', { host: 'localhost', repository: 'app', tag: 'latest' }],
  ['localhost:5000/app:2', { host: 'localhost:5000', repository: 'app', tag: '2' }],
  ['Registry.Example.COM:443/team/app', { host: 'registry.example.com:443', repository: 'team/app', tag: 'latest' }],
  ['[2001:db8::1]:5000/app', { host: '[2001:db8::1]:5000', repository: 'app', tag: 'latest' }],
  [`nginx@${DIGEST}`, { host: 'docker.io', repository: 'library/nginx', digest: DIGEST }],
  [`quay.io/a/b:3@${DIGEST}`, { host: 'quay.io', repository: 'a/b', tag: '3', digest: DIGEST }],
  ['a__b/c-d.e---f:T_1.x-y', { host: 'docker.io', repository: 'a__b/c-d.e---f', tag: 'T_1.x-y' }],
])('reads %s', (text, expected) => {
  expect(parseImageReference(text)).toEqual(expected);
});

test.each([
  ['111122223333.dkr.ecr.us-east-1.amazonaws.com', 'us-east-1'],
  ['111122223333.dkr.ecr-fips.us-east-1.amazonaws.com', 'us-east-1'],
  ['111122223333.dkr-ecr.us-east-1.on.aws', 'us-east-1'],
  ['111122223333.dkr-ecr-fips.us-east-1.on.aws', 'us-east-1'],
  ['111122223333.dkr.ecr.us-gov-west-1.amazonaws.com', 'us-gov-west-1'],
  ['111122223333.dkr.ecr-fips.us-gov-west-1.amazonaws.com', 'us-gov-west-1'],
  ['111122223333.dkr-ecr.us-gov-east-1.on.aws', 'us-gov-east-1'],
  ['111122223333.dkr.ecr.cn-north-1.amazonaws.com.cn', 'cn-north-1'],
  ['111122223333.dkr-ecr.cn-northwest-1.on.amazonwebservices.com.cn', 'cn-northwest-1'],
  ['111122223333.dkr.ecr.us-iso-east-1.c2s.ic.gov', 'us-iso-east-1'],
  ['111122223333.dkr.ecr.us-isob-east-1.sc2s.sgov.gov', 'us-isob-east-1'],
  ['111122223333.dkr.ecr.us-isof-south-1.csp.hci.ic.gov', 'us-isof-south-1'],
  ['111122223333.dkr.ecr.eu-isoe-west-1.cloud.adc-e.uk', 'eu-isoe-west-1'],
  ['111122223333.dkr.ecr.eusc-de-east-1.amazonaws.eu', 'eusc-de-east-1'],
  ['111122223333.dkr-ecr.eusc-de-east-1.on.amazonwebservices.eu', 'eusc-de-east-1'],
])('knows the ECR registry behind %s', (host, region) => {
  const location = { account: '111122223333', region, repository: 'team/app' };
  expect(ecrRegistry(host)).toEqual({ account: '111122223333', region });
  expect(parseImageReference(`${host}/team/app:1`)).toEqual({ host, repository: 'team/app', tag: '1', location });
});

test.each([
  ['11112222333.dkr.ecr.us-east-1.amazonaws.com', 'an account of 11 digits'],
  ['1111222233334.dkr.ecr.us-east-1.amazonaws.com', 'an account of 13 digits'],
  ['111122223333.dkr.ecr.us-east-1.amazonaws.com.evil.example', 'another domain behind'],
  ['111122223333.dkr.ecr.us-east-1.amazonaws.com.cn', 'a suffix of another partition'],
  ['111122223333.dkr.ecr.cn-north-1.amazonaws.com', 'a suffix of another partition'],
  ['111122223333.dkr-ecr.us-east-1.amazonaws.com', 'the dual-stack form with the plain suffix'],
  ['111122223333.dkr.ecr.us-east-1.on.aws', 'the plain form with the dual-stack suffix'],
  ['111122223333.dkr-ecr.us-iso-east-1.undefined', 'a dual-stack form where there is none'],
  ['111122223333.dkrxecr.us-east-1.amazonaws.com', 'neither form'],
  ['public.ecr.aws', 'the public registry'],
  ['x111122223333.dkr.ecr.us-east-1.amazonaws.com', 'a longer name'],
])('takes %s for no ECR registry: %s', (host) => {
  expect(ecrRegistry(host)).toBeUndefined();
});

test.each([
  ['', 'repository'],
  ['UPPER', 'repository'],
  ['a/B:1', 'repository'],
  ['A/b:1', 'repository'],
  ['a//b', 'repository'],
  ['a/-b', 'repository'],
  ['a___b', 'repository'],
  ['a:', 'tag'],
  ['a:.b', 'tag'],
  [`a:${'t'.repeat(129)}`, 'tag'],
  ['a@sha256:1234', 'digest'],
  [`a@sha512:${'0'.repeat(128)}`, 'digest'],
  [`a@${DIGEST}@${DIGEST}`, 'more than one'],
  ['https://registry.example.com/a', 'repository'],
  ['host.example.com:port/a', 'host'],
  ['-host.example.com/a', 'host'],
  ['111122223333.d\u212ar.ecr.us-east-1.amazonaws.com/a', 'host'],
  ['host.example.com/', 'repository'],
  [`host.example.com/${'a'.repeat(256)}`, 'repository'],
  ['a'.repeat(500), 'too long'],
  ['a b', 'repository'],
  ['a\n', 'repository'],
])('refuses %j and names the %s', (text, named) => {
  expect(() => parseImageReference(text)).toThrow(ImageReferenceError);
  expect(() => parseImageReference(text)).toThrow(named);
});

test('a name of 255 characters and a tag of 128 are the longest', () => {
  const repository = 'a'.repeat(255);
  expect(parseImageReference(`${repository.slice(8)}:${'t'.repeat(128)}`).repository).toBe(
    `library/${repository.slice(8)}`,
  );
  expect(parseImageReference(`x/${repository.slice(2)}:${'t'.repeat(128)}@${DIGEST}`)).toMatchObject({
    digest: DIGEST,
  });
  expect(() => parseImageReference(`xx/${repository.slice(2)}`)).toThrow('repository');
});

test('every host of a registry gives the one name that policies write', () => {
  const name = '111122223333.dkr.ecr.us-east-1.amazonaws.com/team/app';
  for (const host of [
    'dkr.ecr.us-east-1.amazonaws.com',
    'dkr.ecr-fips.us-east-1.amazonaws.com',
    'dkr-ecr.us-east-1.on.aws',
  ])
    expect(referenceName(parseImageReference(`111122223333.${host}/team/app:1`))).toBe(name);
  expect(referenceName(parseImageReference('nginx:1'))).toBe('docker.io/library/nginx');
});

test('a repository by its plain name is read back as the same place', () => {
  const regions = fc.constantFrom(
    'us-east-1',
    'cn-north-1',
    'us-gov-west-1',
    'us-isob-east-1',
    'us-isof-south-1',
    'eusc-de-east-1',
  );
  fc.assert(
    fc.property(
      fc.stringMatching(/^\d{12}$/),
      regions,
      fc.stringMatching(/^[a-z0-9]+(?:[/._-][a-z0-9]+){0,3}$/),
      (account, region, repository) => {
        const location = { account, region, repository };
        expect(parseImageReference(repositoryName(location)).location).toEqual(location);
      },
    ),
    runs,
  );
});

test('any text is read or refused by name, and soon', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[a-z0-9./:@_-]{0,200}$/)), (text) => {
      try {
        const { host, repository, tag, digest } = parseImageReference(text);
        // The form in full means the same.
        const again = `${host}/${repository}${tag === undefined ? '' : `:${tag}`}${digest === undefined ? '' : `@${digest}`}`;
        expect(parseImageReference(again)).toEqual(parseImageReference(text));
      } catch (error) {
        expect(error).toBeInstanceOf(ImageReferenceError);
      }
    }),
    { numRuns: 1000 },
  );
});
