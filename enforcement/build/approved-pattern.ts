import { matchesGlob } from '../../shared/domain/common/glob.ts';
import { PARTITION_HOSTS } from '../../shared/domain/image/reference.ts';
import { exemptReferences } from '../../shared/domain/policy/aws-managed.ts';
import type { Policy } from '../../shared/domain/policy/policy.ts';
import { escapedPattern } from './cel.ts';
import { REFERENCE, regionPattern, SPECIAL_REGIONS } from './image-rules.ts';

/*
 * The approved image references as one regular expression, for tools that know no other way. It needs lookaheads, as in Python and
 * in cfn-guard. Hosts must be in lower case: other ones are refused, though an API server would understand them.
 */

const TAG_AND_DIGEST = '(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(?:@sha256:[0-9a-f]{64})?$';
const IN_HOST = '[^/@]*';
/** Neither a tag nor a digest belongs to a path. */
const IN_PATH = '[^:@]*';
const IN_COMPONENT = '[^/:@]*';

const withStars = (glob: string, star: string): string => glob.split('*').map(escapedPattern).join(star);

/** The plain host of an ECR registry has other forms with the same images. */
const DUAL_STACK = PARTITION_HOSTS.flatMap((partition) =>
  'dualStack' in partition ? [{ ...partition, dualStack: partition.dualStack }] : [],
);

const otherPartitions = `(?!(?:${SPECIAL_REGIONS.join('|')}))`;
const region = (letters: string): string => `${letters === '' ? otherPartitions : ''}${regionPattern(letters)}`;

/** A lookahead: the host is one of ECR, in the form. */
const ecrHosts = (form: string, domains: readonly { readonly regions: string; readonly domain: string }[]): string =>
  `[0-9]{12}[.]${form}[.](?:${domains.map(({ regions, domain }) => `${region(regions)}[.]${escapedPattern(domain)}`).join('|')})/`;

const PLAIN_DOMAINS = PARTITION_HOSTS.map(({ regions, ecr }) => ({ regions, domain: ecr }));
const DUAL_DOMAINS = DUAL_STACK.map(({ regions, dualStack }) => ({ regions, domain: dualStack }));
const FIPS_HOST = ecrHosts('dkr[.]ecr-fips', PLAIN_DOMAINS);
const DUAL_HOST = ecrHosts('dkr-ecr(?:-fips)?', DUAL_DOMAINS);

const MIDDLE = '.dkr.ecr.';

/** Regular expressions of names, by the form of their host. */
interface Forms {
  /** Of any host, but for the other forms of ECR and Docker Hub. */
  readonly plain: readonly string[];
  readonly fips: readonly string[];
  readonly dual: readonly string[];
  /** Of Docker Hub, also without a host, or without `library`. */
  readonly hub: readonly string[];
  /** Of any form: the policy approves every name. */
  readonly any: readonly string[];
}

const NONE: Forms = { plain: [], fips: [], dual: [], hub: [], any: [] };

/** Names with a host of their own that a pattern of the policy matches. */
function hostedForms(host: string, path: string): Pick<Forms, 'plain' | 'fips' | 'dual'> {
  const behind = withStars(path, IN_PATH);
  const forms = PARTITION_HOSTS.flatMap((partition) =>
    registriesIn(host, partition.ecr).map(([account, region]) => ({
      fips: `${account}[.]dkr[.]ecr-fips[.]${region}[.]${escapedPattern(partition.ecr)}${behind}`,
      dual:
        'dualStack' in partition
          ? [`${account}[.]dkr-ecr(?:-fips)?[.]${region}[.]${escapedPattern(partition.dualStack)}${behind}`]
          : [],
    })),
  );
  return {
    plain: [withStars(host, IN_HOST) + behind],
    fips: forms.map(({ fips }) => fips),
    dual: forms.flatMap(({ dual }) => dual),
  };
}

/** Regular expressions of the account and the Region of each plain ECR host that a glob matches. */
function registriesIn(host: string, domain: string): readonly (readonly [account: string, region: string])[] {
  const found = new Map<string, readonly [string, string]>();
  for (const [account, behindAccount] of splits(host)) {
    if (!/^[0-9*]+$/.test(account)) continue;
    for (const [region, rest] of restsBehind(MIDDLE, behindAccount).flatMap(splits))
      if (/^[a-z0-9*-]+$/.test(region) && matchesGlob(rest, `.${domain}`))
        found.set(`${account} ${region}`, [withStars(account, IN_HOST), withStars(region, IN_HOST)]);
  }
  return [...found.values()];
}

const HUB = 'docker.io';
const LIBRARY = '/library/';

/** Names of Docker Hub without a host, or without `library`. */
function shortForms(host: string, path: string): string[] {
  if (!matchesGlob(host, HUB)) return [];
  const behind = withStars(path.slice(1), IN_PATH);
  return [
    `(?:index[.])?docker[.]io/(?=[^/]*/)${behind}`,
    `(?![^/]*[.:][^/]*/)(?!localhost/)(?=[^/]*/)${behind}`,
    ...restsBehind(LIBRARY, path).map(
      (rest) => `(?:(?:index[.])?docker[.]io/)?(?=[^/]*$)${withStars(rest, IN_COMPONENT)}`,
    ),
  ];
}

/** Every way to divide a glob: it matches two texts in a row if one of the pairs matches them one by one. */
const splits = (glob: string): readonly (readonly [string, string])[] =>
  Array.from({ length: glob.length + 1 }, (_, at) => at).flatMap((at): readonly (readonly [string, string])[] => [
    [glob.slice(0, at), glob.slice(at)],
    ...(glob[at] === '*' ? [[glob.slice(0, at + 1), glob.slice(at)] as const] : []),
  ]);

/** What a glob asks of a text behind the letters with which it begins. */
const restsBehind = (letters: string, glob: string): readonly string[] => [
  ...new Set(splits(glob).flatMap(([start, rest]) => (matchesGlob(start, letters) ? [rest] : []))),
];

function formsOf(pattern: string): readonly Forms[] {
  if (pattern === '*') return [{ ...NONE, any: ['[^@]*?'] }];
  // Without a slash, only a star can match that of a name.
  const names = pattern.includes('/')
    ? [[pattern.slice(0, pattern.indexOf('/')), pattern.slice(pattern.indexOf('/'))] as const]
    : splits(pattern).flatMap(([host, path]) => restsBehind('/', path).map((rest) => [host, `/${rest}`] as const));
  return names.map(([host, path]) => ({ ...NONE, ...hostedForms(host, path), hub: shortForms(host, path) }));
}

/** Names in registries of AWS that the policy names. */
const awsForms = (accounts: readonly string[]): string[] =>
  accounts.length === 0
    ? []
    : [
        `(?=${ecrHosts('dkr[.]ecr(?:-fips)?', PLAIN_DOMAINS)}|${DUAL_HOST})(?:${accounts.join('|')})[.]${IN_HOST}/${IN_PATH}`,
      ];

/**
 * A regular expression of the references that `approvedRegistries` and `awsManaged` allow, with any tag and digest.
 * @returns `undefined` if the policy approves every registry
 */
export function approvedPattern({
  approvedRegistries,
  awsManaged,
}: Pick<Policy, 'approvedRegistries' | 'awsManaged'>): string | undefined {
  if (!approvedRegistries) return undefined;
  return namesPattern([...approvedRegistries.allow, ...awsManaged.references], awsManaged.accounts);
}

/** The same of the references that `isExempt` lets start without a judgement; `undefined` if there are none. */
export function exemptPattern({ awsManaged }: Pick<Policy, 'awsManaged'>): string | undefined {
  const references = exemptReferences(awsManaged);
  if (references.length + awsManaged.accounts.length === 0) return undefined;
  return namesPattern(references, awsManaged.accounts);
}

function namesPattern(allowed: readonly string[], accounts: readonly string[]): string {
  const patterns = [...new Set(allowed)].sort();
  const forms = patterns.flatMap(formsOf);
  const all = (form: keyof Forms): string =>
    `(?:${[...new Set(forms.flatMap((one) => one[form]))].join('|') || '(?!)'})`;
  const names = [
    `${HAS_HOST}(?!${FIPS_HOST})(?!${DUAL_HOST})${all('plain')}`,
    `(?=${FIPS_HOST})${all('fips')}`,
    `(?=${DUAL_HOST})${all('dual')}`,
    all('hub'),
    all('any'),
    ...awsForms([...new Set(accounts)].sort()),
  ];
  return `${readablePattern}${LOWER_CASE_HOST}(?:${names.join('|')})${TAG_AND_DIGEST}`;
}

/** A lookahead: a host is there, and it is not Docker Hub, whose names have other forms. */
const HAS_HOST = '(?!(?:index[.])?docker[.]io/)(?=[^/]*[.:][^/]*/|localhost/)';

/** A lookahead: in capitals, a host of Docker Hub or of ECR would look like any other one. */
const LOWER_CASE_HOST = '(?![^/]*[A-Z][^/]*/)';

/** Every reference that can be read, from its beginning. In Python, `$` also stands before a line break at the end. */
export const readablePattern = `^(?!.*\\n)(?=${REFERENCE.slice(1)})`;

export const DIGEST_PATTERN = '@sha256:[0-9a-f]{64}$';
