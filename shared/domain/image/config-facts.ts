import { cutText } from '../common/cut-text.ts';
import type { Platform } from './image.ts';

/**
 * What the config and the annotations of an image say about its user and its source. Each text comes from a build, so
 * it may be anything.
 */
export interface ConfigFacts {
  /** The registry has no usable config, so nothing is known. The other members are then absent. */
  readonly isUnusable?: true;
  /** `User`; empty if the config names none, absent if a builder wrote it in another form. */
  readonly user?: string;
  /** The label `org.opencontainers.image.source`, or the annotation of that name. Absent if there is neither. */
  readonly source?: string;
  /** The same for `org.opencontainers.image.revision`. */
  readonly revision?: string;
  /** Those of the two that an annotation says: no build inherits annotations. Absent if there are none. */
  readonly annotated?: readonly SourceLabel[];
  /** How many steps of its history set each of the two. A child copies the steps of its parent. Absent for none. */
  readonly labelSteps?: Readonly<Partial<Record<SourceLabel, number>>>;
}

/** https://github.com/opencontainers/image-spec/blob/main/annotations.md */
export const SOURCE_LABELS = {
  source: 'org.opencontainers.image.source',
  revision: 'org.opencontainers.image.revision',
} as const;

export type SourceLabel = keyof typeof SOURCE_LABELS;

const LABELS = Object.keys(SOURCE_LABELS) as SourceLabel[];

type Texts = Readonly<Record<string, string>>;

/** A longer label is malformed in any case, and need not be stored as a whole. */
const MOST_LETTERS = 512;

/** Enough for a user and a group, of 32 letters each on Linux. */
const MOST_OF_A_USER = 128;

interface ReadConfig {
  readonly user?: string;
  readonly labels: Texts;
  readonly history?: readonly { readonly createdBy: string }[];
}

/** @param config as read from the registry; absent if it is not usable */
export function configFactsOf(annotations: Texts, config: ReadConfig | undefined): ConfigFacts {
  if (!config) return { isUnusable: true };
  // A build inherits the labels of its parent, but writes the annotations itself.
  const said = (name: string): string => (annotations[name]?.trim() || config.labels[name]?.trim()) ?? '';
  const [source, revision] = [said(SOURCE_LABELS.source), said(SOURCE_LABELS.revision)];
  return {
    ...(config.user !== undefined && { user: cutText(config.user, MOST_OF_A_USER) }),
    ...(source !== '' && { source: cut(withoutSecrets(source)) }),
    ...(revision !== '' && { revision: cut(revision) }),
    ...ownershipOf(annotations, config),
  };
}

function ownershipOf(annotations: Texts, { history = [] }: ReadConfig): Pick<ConfigFacts, 'annotated' | 'labelSteps'> {
  const annotated = LABELS.filter((label) => annotations[SOURCE_LABELS[label]]?.trim());
  const steps = history.flatMap(({ createdBy }) => (LABEL_STEP.test(createdBy) ? createdBy : []));
  const counts = LABELS.map(
    (label) => [label, steps.filter((step) => NAMED_IN_STEP[label].test(step)).length] as const,
  );
  const labelSteps = counts.filter(([, count]) => count > 0);
  return {
    ...(annotated.length > 0 && { annotated }),
    ...(labelSteps.length > 0 && { labelSteps: Object.fromEntries(labelSteps) }),
  };
}

/** BuildKit and others write the instruction; builders like Docker's own and buildah's write a command without effect. */
const LABEL_STEP = /^(?:\/bin\/sh -c #\(nop\)\s+)?LABEL\s/;
const NAMED_IN_STEP: Readonly<Record<SourceLabel, RegExp>> = {
  source: /org\.opencontainers\.image\.source["']?=/,
  revision: /org\.opencontainers\.image\.revision["']?=/,
};

/**
 * The labels that an image has from the image below it, as far as the two configs tell. A label is its own if it differs,
 * is an annotation, or has a step of its own. Without such a step a builder may still have set it, as with an option
 * `--label`: so if it set the other one, it set both.
 */
export function inheritedLabels(facts: ConfigFacts, below: ConfigFacts): readonly SourceLabel[] {
  const isSame = (label: SourceLabel) => facts[label] !== undefined && facts[label] === below[label];
  const isStated = (label: SourceLabel) =>
    facts.annotated?.includes(label) === true || (facts.labelSteps?.[label] ?? 0) > (below.labelSteps?.[label] ?? 0);
  const isSetByOption = LABELS.some((label) => facts[label] !== undefined && !isSame(label) && !isStated(label));
  return LABELS.filter((label) => isSame(label) && !isStated(label) && !isSetByOption);
}

const cut = (text: string): string => cutText(text, MOST_LETTERS + 1);

/**
 * A build may write its token into the address. It must not reach the ledger; the address stays malformed. A cut may take
 * the `@` that shows where a token ends, so it comes later. Without an `@`, what follows a `:` may be a token or a port.
 */
const withoutSecrets = (address: string): string =>
  isAddress(address)
    ? address
    : address
        .replace(/^.*@/s, '***@')
        .replace(/([/\\]{2})[^/\\?#]*:.*$/s, '$1***')
        .replace(/\?.*$/s, '?***');

/**
 * Whether a container of the image runs as root unless its workload says otherwise; `undefined` if the config does not
 * tell. A name that is not `root` counts as another user, because a config has no list of users; Kubernetes refuses names
 * where a pod sets `runAsNonRoot`. Windows has no root; its administrator of the container counts as root, in any domain.
 */
export function runsAsRoot({ user }: ConfigFacts, platform?: Platform): boolean | undefined {
  if (user === undefined) return undefined;
  const [name = ''] = user.trim().split(':');
  if (platform?.startsWith('windows/') && /^(?:.*\\)?ContainerAdministrator$/i.test(name)) return true;
  return name === '' || name === 'root' || /^[+-]?0+$/.test(name);
}

/** `inherited`: it says what the image below was built from. */
export type SourceProblem = 'missing' | 'malformed' | 'inherited';

/** What is wrong with a label about the source; `undefined` if it is well formed. */
export function sourceProblem(facts: ConfigFacts, label: SourceLabel): SourceProblem | undefined {
  const text = facts[label];
  if (text === undefined) return 'missing';
  return text.length <= MOST_LETTERS && IS_WELL_FORMED[label](text) ? undefined : 'malformed';
}

const IS_WELL_FORMED: Readonly<Record<SourceLabel, (text: string) => boolean>> = {
  source: isAddress,
  /** A commit of Git: SHA-1 or SHA-256, in full or abbreviated as Git prints it. */
  revision: (text) => /^[0-9a-f]{7,64}$/i.test(text),
};

const PROTOCOLS: readonly string[] = ['https:', 'http:', 'ssh:', 'git:'];

/** The address of a repository or of a page in it, without credentials and without a query. */
function isAddress(text: string): boolean {
  if (/[\s\p{C}]/u.test(text) || !URL.canParse(text)) return false;
  const { protocol, hostname, pathname, username, password, search } = new URL(text);
  const isPublic = password === '' && search === '' && (username === '' || (protocol === 'ssh:' && username === 'git'));
  return PROTOCOLS.includes(protocol) && hostname !== '' && pathname.length > 1 && isPublic;
}
