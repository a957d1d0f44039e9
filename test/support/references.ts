/** Image references of every form, right and wrong. */
import { fc } from './seeded.ts';

export const [LISTED, UNLISTED] = ['a'.repeat(64), 'b'.repeat(64)] as const;

const hosts = fc.oneof(
  fc.constantFrom('', 'docker.io/', 'index.docker.io/', 'localhost/', 'LOCALHOST:5/', 'a.internal.example/', '[::1]/'),
  fc.constantFrom(
    'x.internal.example:5000/',
    '[abc]/',
    '[abc]:5/',
    'a:1/',
    'a:123456/',
    'A/',
    'a-/',
    'a..b/',
    'https://',
  ),
  fc
    .tuple(
      fc.constantFrom('111122223333', '602401143452', '11112222333'),
      fc.constantFrom('.dkr.ecr.', '.dkr-ecr.', '.dkr.ecr-fips.', '.dkr-ecr-fips.', '.DKR.ECR.', '.dkr-ecr.x'),
      fc.constantFrom(
        'eu-west-1',
        'cn-north-1',
        'us-iso-east-1',
        'us-isob-east-1',
        'eusc-de-east-1',
        'us-gov-west-1',
        'cn-1',
      ),
      fc.constantFrom(
        'amazonaws.com',
        'amazonaws.com.cn',
        'on.aws',
        'on.amazonwebservices.com.cn',
        'c2s.ic.gov',
        'sc2s.sgov.gov',
        'amazonaws.eu',
        'evil.example',
      ),
      fc.constantFrom('/', ':443/'),
    )
    .map((parts) => parts.join('')),
);
const paths = fc.oneof(
  fc.constantFrom(
    'nginx',
    'library/nginx',
    'team/web',
    'team',
    'team/a/b',
    'a.b/c',
    'a__b/c---d',
    'a_-b',
    'x.amazonaws.com/team/web',
  ),
  fc.constantFrom('Team/web', 'team//web', '/team', 'team/', 'eks/pause', '', ' team/web', 'team/web '),
  fc.stringMatching(/^[a-zA-Z0-9._\-/:@]{0,12}$/),
  fc.constantFrom(`team/${'a'.repeat(250)}`, `team/${'a'.repeat(251)}`, 'a'.repeat(247), 'a'.repeat(248)),
);
const tags = fc.constantFrom(
  '',
  ':1',
  ':',
  `:${'t'.repeat(128)}`,
  `:${'t'.repeat(129)}`,
  ':a:b',
  ':.x',
  ':_x',
  ':K\u212A',
);
const digests = fc.constantFrom(
  '',
  `@sha256:${LISTED}`,
  `@sha256:${UNLISTED}`,
  '@sha256:abc',
  `@SHA256:${LISTED}`,
  '@',
);

export const anyReference = fc.tuple(hosts, paths, tags, digests).map((parts) => parts.join(''));
