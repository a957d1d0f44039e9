import { CONTAINER_LISTS, ENDS_WITH_DIGEST } from '../../shared/domain/admission/asked-images.ts';
import { DOOR_RULES } from '../../shared/domain/admission/door-rules.ts';
import { MAX_NAME_LENGTH, MAX_REFERENCE_LENGTH, PARTITION_HOSTS } from '../../shared/domain/image/reference.ts';
import { exemptReferences } from '../../shared/domain/policy/aws-managed.ts';
import type { Policy } from '../../shared/domain/policy/policy.ts';
import { celMatchesAny, celMatchesAnyName, celText, escapedPattern } from './cel.ts';

/** A name for the value of an expression, for the expressions behind it. */
export interface Variable {
  readonly name: string;
  readonly expression: string;
}

/** An expression that must be true, and what to say if it is not: both may use the variables. */
export interface Validation {
  readonly expression: string;
  /** Without the image: for an image that cannot be shown. */
  readonly message: string;
  readonly messageExpression: string;
}

/** Where an object has its pod, and where the object before the update had it. */
export interface PodFields {
  /** Expressions of the `spec` of the pod. */
  readonly spec: string;
  readonly before: string;
  /** An expression of type bool: there is no object before. */
  readonly isNew: string;
}

/* The grammar of `parseImageReference`, as one regular expression. Both letter cases are written out, because RE2 folds letters
 * beyond ASCII too. */
const LABEL = '[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?';
const PORT = ':[0-9]{1,5}';
const LOCALHOST = '[Ll][Oo][Cc][Aa][Ll][Hh][Oo][Ss][Tt]';
/** What stands before the first slash is a host only if it has a dot or a colon, or is `localhost`. */
const HOST = [
  `${LABEL}(?:[.]${LABEL})+(?:${PORT})?`,
  `${LABEL}${PORT}`,
  `${LOCALHOST}(?:${PORT})?`,
  `\\[[0-9A-Fa-f]*:[0-9A-Fa-f:]*\\](?:${PORT})?`,
  `\\[[0-9A-Fa-f]+\\]${PORT}`,
].join('|');
const SEPARATOR = '__?|-+';
const COMPONENT = `[a-z0-9]+(?:(?:[.]|${SEPARATOR})[a-z0-9]+)*`;
const FIRST_COMPONENT = `[a-z0-9]+(?:(?:${SEPARATOR})[a-z0-9]+)*`;
const NAME = [`(?:${HOST})/${COMPONENT}(?:/${COMPONENT})*`, `${FIRST_COMPONENT}(?:/${COMPONENT})+`, COMPONENT].join(
  '|',
);
/** A whole image reference. */
export const REFERENCE = `^(?:${NAME})(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(?:@sha256:[0-9a-f]{64})?$`;

export const SPECIAL_REGIONS = PARTITION_HOSTS.map(({ regions }) => regions).filter((regions) => regions !== '');
const OF_ANOTHER_PARTITION = `^[0-9]{12}[.]dkr[.-]ecr(?:-fips)?[.](?:${SPECIAL_REGIONS.join('|')})`;

/** A pattern of Regions whose code begins with the letters; without any, those of the partition that has most Regions. */
export const regionPattern = (letters: string): string =>
  letters === ''
    ? '[a-z]{2,4}(?:-[a-z]+)+-[0-9]+'
    : `${letters}(?:[a-z]+-)${letters.split('-').length > 2 ? '*' : '+'}[0-9]+`;

interface HostForm {
  readonly suffix: string;
  /** An expression of type bool on the name: its host is one of ECR in the form. */
  readonly is: (name: string) => string;
  /** Where the Region stands between the dots of the host. */
  readonly regionAt: number;
}

const hostForm = (regions: string, beginning: string, domain: string, suffix: string, regionAt: number): HostForm => ({
  suffix,
  regionAt,
  is: (name) => {
    const pattern = `^[0-9]{12}[.]${beginning}[.]${regionPattern(regions)}[.]${escapedPattern(domain)}/`;
    const matches = `${name}.matches(${celText(pattern)})`;
    return regions === '' ? `(${matches} && !${name}.matches(${celText(OF_ANOTHER_PARTITION)}))` : matches;
  },
});

/** The forms of hosts beside the plain one, which has the same images. */
const OTHER_FORMS: readonly HostForm[] = PARTITION_HOSTS.flatMap((partition) => [
  hostForm(partition.regions, 'dkr[.]ecr-fips', partition.ecr, partition.ecr, 3),
  ...('dualStack' in partition
    ? [hostForm(partition.regions, 'dkr-ecr(?:-fips)?', partition.dualStack, partition.ecr, 2)]
    : []),
]);
const PLAIN_FORMS: readonly HostForm[] = PARTITION_HOSTS.map(({ regions, ecr }) =>
  hostForm(regions, 'dkr[.]ecr', ecr, ecr, 3),
);

/** The name with the plain host of its ECR registry, as `referenceName` writes it. */
const plainHost = (name: string): string =>
  OTHER_FORMS.reduceRight((rest, { is, suffix, regionAt }) => {
    const account = `${name}.substring(0, 12)`;
    const path = `${name}.substring(${name}.indexOf('/'))`;
    const plain = `${account} + '.dkr.ecr.' + ${name}.split('.')[${regionAt}] + ${celText(`.${suffix}`)} + ${path}`;
    return `${is(name)} ? ${plain}\n: ${rest}`;
  }, name);

/** An expression of the images that the `spec` of a pod names, each as a text. */
export const imagesIn = (spec: string): string => entriesIn(spec, ({ image }) => image);

/** Expressions of what names an image in a pod: a container or a volume. */
interface Entry {
  readonly list: string;
  readonly name: string;
  readonly image: string;
}

function entriesIn(spec: string, shown: (entry: Entry) => string): string {
  const nameOf = (item: string): string => `string(${item}.?name.orValue(''))`;
  return [
    ...CONTAINER_LISTS.map((list) => {
      const entry = { list, name: nameOf('c'), image: "string(c.?image.orValue(''))" };
      return `${spec}.?${list}.orValue([]).map(c, ${shown(entry)})`;
    }),
    `${spec}.?volumes.orValue([]).filter(v, has(v.image)).map(v, ${shown({
      ...{ list: 'volumes', name: nameOf('v'), image: "string(v.image.?reference.orValue(''))" },
    })})`,
  ].join('\n+ ');
}

const namedEntry = ({ list, name, image }: Entry): string =>
  `{'of': ${celText(`${list} `)} + ${name}, 'image': ${image}}`;

/** The images that an object asks for and did not before, as `newlyAsked` finds them. */
export const askedVariables = ({ spec, before, isNew }: PodFields): readonly Variable[] => [
  { name: 'images', expression: entriesIn(spec, namedEntry) },
  { name: 'before', expression: `${isNew} ? [] :\n${entriesIn(before, namedEntry)}` },
  { name: 'kept', expression: "variables.before.map(e, e.of + ' ' + e.image)" },
  {
    name: 'keptDigests',
    expression: `variables.before.map(e, e.image).filter(i, i.matches(${celText(ENDS_WITH_DIGEST)}))`,
  },
  {
    name: 'asked',
    expression:
      "variables.images.filter(e, e.image == '' || !(e.of + ' ' + e.image in variables.kept || e.image in variables.keptDigests)).map(e, e.image)",
  },
];

/**
 * The images that can be read, with their names as `referenceName` writes them (`named`), and those that start without a judgement,
 * because the policy names them as images of AWS (`exempt`).
 */
export function nameVariables({ awsManaged }: Pick<Policy, 'awsManaged'>): readonly Variable[] {
  const hasHost = "e.path.contains('/') && e.path.split('/')[0].matches('[.:]|^localhost$')";
  return [
    {
      name: 'wellFormed',
      expression: `variables.asked.filter(i, i.size() <= ${MAX_REFERENCE_LENGTH} && i.matches(${celText(REFERENCE)}))`,
    },
    {
      name: 'untagged',
      expression:
        "variables.wellFormed.map(i, {'image': i, 'path': i.split('@')[0].lowerAscii()})\n" +
        ".map(e, {'image': e.image, 'path': e.path.substring(0, e.path.lastIndexOf('/') + 1) + e.path.substring(e.path.lastIndexOf('/') + 1).split(':')[0]})",
    },
    {
      name: 'hosted',
      expression: `variables.untagged.map(e, {'image': e.image, 'path': ${hasHost} ? e.path : 'docker.io/' + e.path})\n.map(e, {'image': e.image, 'path': e.path.startsWith('index.docker.io/') ? e.path.substring(6) : e.path})\n.map(e, {'image': e.image, 'name': e.path.matches('^docker[.]io/[^/]+$') ? 'docker.io/library/' + e.path.substring(10) : e.path})`,
    },
    { name: 'plain', expression: `variables.hosted.map(e, {'image': e.image, 'name':\n${plainHost('e.name')}})` },
    {
      name: 'named',
      expression: `variables.plain.filter(e, e.name.size() - e.name.indexOf('/') - 1 <= ${MAX_NAME_LENGTH})`,
    },
    {
      name: 'exempt',
      expression: `variables.named.filter(e, ${anyOf(exemptionsIn(awsManaged))}).map(e, e.image)`,
    },
  ];
}

/**
 * The images in each list against which something speaks, as `admit` decides it from the reference alone: `unreadable`,
 * `unapproved` (if the policy approves registries) and `undigested`. Each image is in one list at most.
 */
export function referenceVariables(policy: Pick<Policy, 'approvedRegistries' | 'awsManaged'>): readonly Variable[] {
  const { approvedRegistries, awsManaged } = policy;
  return [
    ...nameVariables(policy),
    { name: 'readable', expression: 'variables.named.map(e, e.image)' },
    { name: 'unreadable', expression: 'variables.asked.filter(i, !(i in variables.readable))' },
    {
      name: 'unapproved',
      expression: approvedRegistries
        ? `variables.named.filter(e, !(${celMatchesAnyName('e.name', approvedRegistries.allow)})${approvedAsAws(awsManaged)}).map(e, e.image)`
        : 'variables.readable.filter(i, false)',
    },
    {
      name: 'undigested',
      expression:
        "variables.readable.filter(i, !i.contains('@') && !(i in variables.unapproved) && !(i in variables.exempt))",
    },
  ];
}

/** Images of AWS need no approval, because the policy names them already, also by a pattern over a shared host. */
const approvedAsAws = ({ accounts, references }: Policy['awsManaged']): string =>
  [...ofReferences(references), ...ofAccounts(accounts)].map((one) => ` && !(${one})`).join('');

/** Expressions of type bool on the name: an image that `isExempt`. */
const exemptionsIn = (awsManaged: Policy['awsManaged']): readonly string[] => [
  ...ofReferences(exemptReferences(awsManaged)),
  ...ofAccounts(awsManaged.accounts),
];

const ofReferences = (references: readonly string[]): readonly string[] =>
  references.length > 0 ? [celMatchesAnyName('e.name', references)] : [];

const ofAccounts = (accounts: readonly string[]): readonly string[] =>
  accounts.length > 0
    ? [
        `${celMatchesAny("e.name.split('.')[0]", accounts)} && (${PLAIN_FORMS.map(({ is }) => is('e.name')).join('\n|| ')})`,
      ]
    : [];

const anyOf = (expressions: readonly string[]): string =>
  expressions.length === 0 ? 'false' : expressions.map((one) => `(${one})`).join(' || ');

/** An image as a person may see it: a stranger's text, on one line. */
const shownImage = (list: string): string =>
  `(${list}[0].matches('^[!-~]{1,300}$') ? ${list}[0] : 'with hidden characters, without a name, or too long')`;

const more = (list: string): string => `(${list}.size() > 1 ? ' and ' + string(${list}.size() - 1) + ' more' : '')`;

/**
 * A validation that a list of images is empty.
 * @param list an expression of a list of references
 * @param unless an expression of type bool: the validation does not apply
 */
export function emptyList(list: string, ruleId: string, says: string, nextStep: string, unless = 'false'): Validation {
  const text = (image: string): string => `${image} ${says} (${ruleId}). ${nextStep}`;
  return {
    expression: unless === 'false' ? `${list}.size() == 0` : `${unless} || ${list}.size() == 0`,
    message: text('An image'),
    messageExpression: `'Image ' + ${shownImage(list)} + ${more(list)} + ${celText(` ${says} (${ruleId}). ${nextStep}`)}`,
  };
}

/**
 * What speaks against references, with the rule that `admit` cites.
 * @param unless by rule, an expression of type bool: the validation does not apply
 */
export function referenceValidations(
  { approvedRegistries }: Pick<Policy, 'approvedRegistries'>,
  unless: { readonly any: string; readonly digest: string },
): readonly Validation[] {
  const { referenceReadable, digestRequired } = DOOR_RULES;
  return [
    emptyList(
      'variables.unreadable',
      referenceReadable,
      'cannot be read as an image reference',
      'Write host/repository@sha256:<64 hexadecimal digits>.',
      unless.any,
    ),
    ...(approvedRegistries
      ? [
          emptyList(
            'variables.unapproved',
            approvedRegistries.id,
            'is not in an approved registry',
            'Use an image of a registry in approvedRegistries of the policy.',
            unless.any,
          ),
        ]
      : []),
    emptyList(
      'variables.undigested',
      digestRequired,
      'names no digest, so nothing proves which image starts',
      'Name it by its digest: repository@sha256:<digest>.',
      unless.digest,
    ),
  ];
}
