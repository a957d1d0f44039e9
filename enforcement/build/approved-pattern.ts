import { matchesGlob } from '../../shared/domain/common/glob.ts';
import { PARTITION_HOSTS } from '../../shared/domain/image/reference.ts';
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
  /** Of any form. */
  readonly any: readonly string[];
}

const NONE: Forms = { plain: [], fips: [], dual: [], hub: [], any: [] };

/** Names with a host of their own that a pattern of the policy matches. */
function hostedForms(host: string, path: string): Pick<Forms, 'plain' | 'fips' | 'dual'> {
  const behind = withStars(path, IN_PATH);
  const plain = [withStars(host, IN_HOST) + behind];
  const at = host.indexOf(MIDDLE);
  const partition = PARTITION_HOSTS.find(({ ecr }) => host.endsWith(`.${ecr}`));
  if (at < 0 || !partition) return { plain, fips: [], dual: [] };
  const account = withStars(host.slice(0, at), IN_HOST);
  const inRegion = withStars(host.slice(at + MIDDLE.length, -partition.ecr.length - 1), IN_HOST);
  const fips = [`${account}[.]dkr[.]ecr-fips[.]${inRegion}[.]${escapedPattern(partition.ecr)}${behind}`];
  const dual = DUAL_STACK.filter(({ ecr }) => ecr === partition.ecr).map(
    ({ dualStack }) => `${account}[.]dkr-ecr(?:-fips)?[.]${inRegion}[.]${escapedPattern(dualStack)}${behind}`,
  );
  return { plain, fips, dual };
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

/** What a glob asks of a text behind the letters with which it begins. */
function restsBehind(letters: string, glob: string): readonly string[] {
  const star = glob.indexOf('*');
  if (star >= 0 && star < letters.length && letters.startsWith(glob.slice(0, star))) return [glob.slice(star)];
  return glob.startsWith(letters) ? [glob.slice(letters.length)] : [];
}

function formsOf(pattern: string): Forms {
  const slash = pattern.indexOf('/');
  if (slash >= 0) {
    const [host, path] = [pattern.slice(0, slash), pattern.slice(slash)];
    return { ...NONE, ...hostedForms(host, path), hub: shortForms(host, path) };
  }
  // A name always has a slash, so only a star can match it.
  return { ...NONE, any: pattern === '*' ? ['[^@]*?'] : pattern.includes('*') ? [withStars(pattern, IN_PATH)] : [] };
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
  const patterns = [...new Set([...approvedRegistries.allow, ...awsManaged.references])].sort();
  const forms = patterns.map(formsOf);
  const all = (form: keyof Forms): string =>
    `(?:${[...new Set(forms.flatMap((one) => one[form]))].join('|') || '(?!)'})`;
  const names = [
    `${HAS_HOST}(?!${FIPS_HOST})(?!${DUAL_HOST})${all('plain')}`,
    `(?=${FIPS_HOST})${all('fips')}`,
    `(?=${DUAL_HOST})${all('dual')}`,
    all('hub'),
    all('any'),
    ...awsForms([...new Set(awsManaged.accounts)].sort()),
  ];
  return `${readablePattern}(?:${names.join('|')})${TAG_AND_DIGEST}`;
}

/** A lookahead: a host is there, and it is not Docker Hub, whose names have other forms. */
const HAS_HOST = '(?!(?:index[.])?docker[.]io/)(?=[^/]*[.:][^/]*/|localhost/)';

/** Every reference that can be read, from its beginning. In Python, `$` also stands before a line break at the end. */
export const readablePattern = `^(?!.*\\n)(?=${REFERENCE.slice(1)})`;

export const DIGEST_PATTERN = '@sha256:[0-9a-f]{64}$';
