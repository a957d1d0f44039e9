import { byKey, compareTexts } from '../../shared/domain/common/compare-texts.ts';
import { labelled, type Tokenizer } from './canonical-labels.ts';

type Item = Readonly<Record<string, unknown>>;

/**
 * A dump of the ledger that is byte for byte the same for two runs of one fleet, although their clocks, ids and digests
 * differ.
 *
 * - Masked, because they tell when or by which execution: values under keys that end in `EpochMs`, `expiresAt`,
 *   `executionArn`, `taskToken`, `deploymentId`, instants, UUIDs, execution ARNs and ECS deployment ids inside any
 *   text, and when base repositories were read.
 * - Masked, because it is a hash of digests: which heads of its parents a rebuild was built on (`parents`), and the
 *   fingerprint of findings of Amazon Inspector, which name layers.
 * - Left out, because they depend on the path that led here: the write counter `rev`, the shards in index keys, and the places
 *   of images in lists of streams that they are not of any more: which of its repositories was read first decides that. It also
 *   decides how many images a registry did not have (`missing`): those that another one has reported are none.
 *   Likewise whether a scan request was repeated and answered with the result that was there (`answeredRequestAtEpochMs`): a
 *   step that dies after its request repeats it. And whether a scan that is over was requested (`requestedAtEpochMs`): an
 *   event may bring a result before, and a step that cannot learn that Amazon Inspector scans a registry requests the scan.
 *   The tags that an image has from its index (`askedTags`): they depend on when the repository was read, and the place of the
 *   index has them all. The tags that an output had when it was found (`outputTags`): later ones are at its place.
 *   How often a cause got a fact (`version`): a parent whose head moves twice may add one fact or two.
 * - Replaced by labels in order of appearance: digests, bare SHA-256 hashes, and run ids. Fingerprints of findings stay:
 *   they depend on findings only.
 * - Summed, because digests fall into them by chance: the scan parts of a run, and its verdict parts.
 * - Summed to one number, because whether an event or the review came first decides which it is: how scans were asked
 *   (`scans`). What became of each scan stands at its image.
 * - Put in the order of what is left, because instants that are masked may have ordered them: lists whose elements tell
 *   instants, such as the reasons of a verdict by their deadlines.
 *
 * Everything else stays: another verdict, tag, count, state or reason gives other bytes.
 *
 * @param items unmarshalled items with nothing compressed in them, in any order
 * @returns one item a line, each line ended by a line feed
 */
export function canonicalLedger(items: readonly Item[]): string {
  const tokenizer = tokenizerOf(runIds(items));
  return labelled(
    sumBatches(
      withoutTagsOfIndexes(withoutFormerStreams(items))
        .map(withoutMissing)
        .map(withoutReadingTimes)
        .map(withoutRepeatedRequests)
        .map(withoutCounts)
        .map(withoutLayers),
    ).map((item) => timeless(mask(item), tokenizer.pattern) as Item),
    tokenizer,
  )
    .map((line) => `${line}\n`)
    .join('');
}

/** Ids of all runs in the ledger. */
function runIds(items: readonly Item[]): string[] {
  const ids = new Set<string>();
  for (const { PK, runId } of items) {
    if (typeof runId === 'string') ids.add(runId);
    const [, id] = typeof PK === 'string' ? (/^RUN#(.+)$/.exec(PK) ?? []) : [];
    if (id !== undefined && id !== 'CURRENT' && id !== 'LATEST') ids.add(id);
  }
  return [...ids];
}

function withoutFormerStreams(items: readonly Item[]): readonly Item[] {
  const streams = new Map(items.flatMap(({ kind, digest, stream }) => (kind === 'image' ? [[digest, stream]] : [])));
  return items.filter(({ kind, PK, digest }) => {
    const stream = kind === 'stream-image' ? streams.get(digest) : undefined;
    return stream === undefined || PK === `STREAM#${String(stream)}`;
  });
}

/** A tag that is not a tag of an index with the image, in the same repository, stays. */
function withoutTagsOfIndexes(items: readonly Item[]): readonly Item[] {
  const tags = new Map(
    items.flatMap(({ kind, digest, SK, tags: names }) =>
      kind === 'location' ? [[`${String(digest)} ${String(SK)}`, textsIn(names)] as const] : [],
    ),
  );
  const indexes = Map.groupBy(
    items.flatMap(({ kind, digest, children }) =>
      kind === 'index' && Array.isArray(children)
        ? children.filter(isObject).map((child) => ({ child: child.digest, index: String(digest) }))
        : [],
    ),
    ({ child }) => child,
  );
  return items.map((item) => {
    const { kind, SK, digest, askedTags, ...members } = item;
    if (kind !== 'location' || askedTags === undefined) return item;
    const inherited = (indexes.get(digest) ?? []).flatMap(({ index }) => tags.get(`${index} ${String(SK)}`) ?? []);
    const own = textsIn(askedTags).filter((tag) => !inherited.includes(tag));
    return { ...members, kind, SK, digest, ...(own.length > 0 && { askedTags: own }) };
  });
}

const textsIn = (value: unknown): readonly string[] =>
  Array.isArray(value) ? value.filter((each) => typeof each === 'string') : [];

function withoutCounts(item: Item): Item {
  const { version, ...cause } = item;
  if (item.kind === 'cause') return cause;
  const { outputTags, ...rebuild } = item;
  return item.kind === 'rebuild' ? rebuild : item;
}

function withoutMissing(item: Item): Item {
  const { part } = item;
  if (!isObject(part) || part.kind !== 'registry') return item;
  const { missing: _, ...members } = part;
  return { ...item, part: members };
}

function withoutRepeatedRequests(item: Item): Item {
  if (item.kind !== 'image' || !isObject(item.scan)) return item;
  const { answeredRequestAtEpochMs: _, requestedAtEpochMs, ...scan } = item.scan;
  const isAwaited = scan.state === 'requested' && requestedAtEpochMs !== undefined;
  return { ...item, scan: { ...scan, ...(isAwaited && { requestedAtEpochMs }) } };
}

/** Only Amazon Inspector covers packages of languages, and names the layer of a package. */
function withoutLayers(item: Item): Item {
  if (item.findingsFingerprint === undefined || !isObject(item.scan)) return item;
  const { coverage } = item.scan;
  if (!Array.isArray(coverage) || !coverage.includes('language')) return item;
  return { ...item, findingsFingerprint: '<masked>' };
}

/** Base repositories are the keys of the read times. */
function withoutReadingTimes(item: Item): Item {
  if (item.kind !== 'base-readings' || !isObject(item.read)) return item;
  return { ...item, read: Object.fromEntries(Object.keys(item.read).map((key) => [key, '<masked>'])) };
}

const HASH = '(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])';

function tokenizerOf(ids: readonly string[]): Tokenizer {
  const runs = ids.map((id) => `(?<![\\w-])${id.replace(/\W/g, '\\$&')}(?![\\w-])`);
  const pattern = new RegExp([...runs, `sha256:${HASH}`, HASH].join('|'), 'g');
  return {
    pattern,
    kindOf: (text) => (text.startsWith('sha256:') ? 'digest' : /^[0-9a-f]{64}$/.test(text) ? 'hash' : 'run'),
  };
}

const LEFT_OUT = new Set(['rev']);
const MASKED = new Set(['expiresAt', 'executionArn', 'taskToken', 'deploymentId']);
const SHARDED: Readonly<Record<string, RegExp>> = { agePk: /#\d+$/, verdictPk: /#\d+$/ };

function mask(value: unknown, key = ''): unknown {
  if (MASKED.has(key) || key.endsWith('EpochMs')) return '<masked>';
  if (key === 'scans') return totalOf(value);
  // One digit shorter, it is no longer a hash that would be replaced.
  if (key === 'findingsFingerprint' && typeof value === 'string' && value !== '<masked>') return value.slice(1);
  if (key === 'parents' && typeof value === 'string') return '<masked>';
  if (typeof value === 'string') return maskText(value, key);
  if (value instanceof Set) return [...value].map((element) => mask(element)).sort();
  if (Array.isArray(value)) return value.map((element) => mask(element));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([name, member]) => !LEFT_OUT.has(name) && member !== undefined)
      .map(([name, member]) => [name, mask(member, name)]),
  );
}

/** Sorts lists that instants may have ordered by all fields except names that differ by chance; those tie. */
function timeless(value: unknown, chance: RegExp): unknown {
  if (Array.isArray(value)) {
    const elements = value.map((element) => timeless(element, chance));
    return elements.some(hasInstant)
      ? sortedBy(elements, (each) => JSON.stringify(each).replace(chance, ''))
      : elements;
  }
  if (!isObject(value)) return value;
  const members = Object.entries(value).sort(byKey);
  return Object.fromEntries(members.map(([name, member]) => [name, timeless(member, chance)]));
}

const hasInstant = (element: unknown): boolean =>
  isObject(element) && Object.keys(element).some((name) => name.endsWith('EpochMs'));

function sortedBy(elements: readonly unknown[], keyOf: (element: unknown) => string): unknown[] {
  return elements
    .map((element) => ({ element, key: keyOf(element) }))
    .sort((one, other) => compareTexts(one.key, other.key))
    .map(({ element }) => element);
}

/** Sum of all numbers in a value, at any depth. */
function totalOf(value: unknown): number {
  if (typeof value === 'number') return value;
  return isObject(value) ? Object.values(value).reduce<number>((sum, member) => sum + totalOf(member), 0) : 0;
}

const CHANCE = [
  /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z/g,
  // Texts for people.
  /\d{4}-\d\d-\d\d \d\d:\d\d UTC/g,
  // Matches rebuild ids: a run id has fewer digits at its end.
  /\d{8}T\d{9}Z(?=-[0-9a-f]{12}(?![0-9a-f]))/g,
  /[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}/gi,
  /arn:[\w-]+:states:[\w:./-]+/g,
  /ecs-svc\/[0-9a-f]+/g,
  // A restart in Kubernetes changes it by the name of its cascade.
  /template-[0-9a-f]{12}(?![0-9a-f])/g,
];

const maskText = (text: string, key = ''): string =>
  CHANCE.reduce((masked, pattern) => masked.replace(pattern, '<masked>'), text.replace(SHARDED[key] ?? /$^/, ''));

/**
 * Merges all scan parts of a run into one item, and all verdict parts into another; each list entry becomes an item.
 */
function sumBatches(items: readonly Item[]): Item[] {
  const sums = new Map<string, Item>();
  const rest = items.flatMap((item): Item[] => {
    const { PK, kind, part } = item;
    if (!isObject(part) || (part.kind !== 'scan' && part.kind !== 'verdict')) return [item];
    const SK = `PART#${part.kind}#*`;
    const { key: _, ...members } = part;
    const lists = Object.entries(members).filter(([, member]) => Array.isArray(member));
    const counts = Object.fromEntries(Object.entries(members).filter(([, member]) => !Array.isArray(member)));
    const place = `${String(PK)} ${SK}`;
    sums.set(place, { PK, SK, kind, part: sumOf(sums.get(place)?.part, counts) });
    return lists.flatMap(([list, elements]) =>
      (elements as readonly unknown[]).map((element) => ({ PK, SK: `${SK}#${list}`, kind, element })),
    );
  });
  return [...rest, ...sums.values()];
}

/** Numbers are summed; all other values are equal in all parts. */
function sumOf(one: unknown, other: unknown): unknown {
  if (typeof one === 'number' && typeof other === 'number') return one + other;
  if (!isObject(one) || !isObject(other)) return other ?? one;
  const names = new Set([...Object.keys(one), ...Object.keys(other)]);
  return Object.fromEntries([...names].map((name) => [name, sumOf(one[name], other[name])]));
}

const isObject = (value: unknown): value is { readonly [name: string]: unknown; readonly kind?: unknown } =>
  typeof value === 'object' && value !== null;
