import { readdirSync, readFileSync } from 'node:fs';
import { DynamoRunningReads } from '../../../shared/adapters/dynamodb/images/running-ledger.ts';
import { DynamoUsageLedger } from '../../../shared/adapters/dynamodb/images/usage-ledger.ts';
import { DynamoAskedWebhooks } from '../../../shared/adapters/dynamodb/policy/asked-webhooks.ts';
import { DynamoBreakGlassLedger } from '../../../shared/adapters/dynamodb/policy/break-glass-ledger.ts';
import { DynamoDenials } from '../../../shared/adapters/dynamodb/policy/denial-ledger.ts';
import { DynamoPolicyStore } from '../../../shared/adapters/dynamodb/policy/policies.ts';
import { DynamoTaskStops } from '../../../shared/adapters/dynamodb/policy/task-stops.ts';
import { DynamoCascadeLedger } from '../../../shared/adapters/dynamodb/rebuilds/cascade-ledger.ts';
import { DynamoExpiries } from '../../../shared/adapters/dynamodb/retention/expiry-ledger.ts';
import { DynamoBaseReadingLedger } from '../../../shared/adapters/dynamodb/reviews/base-reading-ledger.ts';
import { DynamoRunLedger } from '../../../shared/adapters/dynamodb/reviews/run-ledger.ts';
import { DynamoScheduleLedger } from '../../../shared/adapters/dynamodb/reviews/schedule-ledger.ts';
import { DynamoScopeLedger } from '../../../shared/adapters/dynamodb/reviews/scope-ledger.ts';
import { DynamoServicesAtZero } from '../../../shared/adapters/dynamodb/reviews/service-at-zero-ledger.ts';
import { DynamoLateHeads } from '../../../shared/adapters/dynamodb/streams/late-heads.ts';
import type { Item } from '../../../shared/adapters/dynamodb/table/item.ts';
import { imageContent, ledgerRecord, unpackedItem } from '../../../shared/adapters/dynamodb/table/items.ts';
import * as keys from '../../../shared/adapters/dynamodb/table/keys.ts';
import { LedgerTable } from '../../../shared/adapters/dynamodb/table/table.ts';
import { collect } from '../../../shared/concurrency.ts';
import { canonicalJson } from '../../../shared/domain/common/canonical-json.ts';
import { type Digest, type ImageLocation, locationKey, registryKey } from '../../../shared/domain/image/image.ts';
import { usageKey } from '../../../shared/domain/image/usage.ts';
import { policyVersion, storedPolicy } from '../../../shared/domain/policy/policy-check.ts';
import { actingLedgers, imageLedgers } from '../../../shared/lambda/ledgers.ts';
import { MemoryTable } from '../../support/memory-dynamo.ts';
import { review } from '../../support/samples.ts';
import { storedItem } from '../../support/stored-items.ts';

/*
 * What released versions stored. A file never leaves this folder, and never changes: `scripts/write-stored-ledger.ts` writes
 * those of a new version before its release.
 */
const FOLDER = new URL('./', import.meta.url);
const files = (end: string) => readdirSync(FOLDER).filter((file) => file.endsWith(end));
const read = (file: string): string => readFileSync(new URL(file, FOLDER), 'utf8');

const itemsOf = (file: string): readonly Item[] => read(file).trimEnd().split('\n').map(storedItem);
const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { readonly version: string };

const placeIn = (text: string): ImageLocation => {
  const [account = '', region = '', ...repository] = text.split('/');
  return { account, region, repository: repository.join('/') };
};
const after = (prefix: string, text: string): string => text.slice(prefix.length);
const digestIn = ({ PK }: Item): Digest => PK.slice(PK.indexOf('#') + 1) as Digest;
const found = <Value>(values: Iterable<Value>, wanted: (value: Value) => boolean): Value | undefined =>
  [...values].find(wanted);

/** How each kind of item is read: the record that its adapter makes of it. */
function readersOf(table: LedgerTable): Readonly<Record<string, (item: Item) => Promise<unknown>>> {
  const { images, places, contents, streams, streamImages } = imageLedgers(table);
  const { causes, guards, locks, rebuilds, rollouts, slots, killSwitch } = actingLedgers(table);
  const cascades = new DynamoCascadeLedger(table);
  const usages = new DynamoUsageLedger(table);
  const runs = new DynamoRunLedger(table);
  const expiries = new DynamoExpiries(table);
  const streamOf = ({ PK }: Item): string => PK.slice(PK.indexOf('#') + 1);
  return {
    image: async (item) => (await images.get([digestIn(item)])).get(digestIn(item)),
    content: async (item) => (await contents.get([digestIn(item)])).get(digestIn(item)),
    location: async (item) =>
      found(await places.locations(digestIn(item)), ({ location }) => item.SK === `LOC#${locationKey(location)}`),
    usage: async (item) => {
      const of = item.leftAtEpochMs === undefined ? usages.ofImage : usages.leftOfImage;
      // One that ended is kept for 90 days, and no question finds it.
      if (item.endedAtEpochMs !== undefined) return item;
      const key = usageKey(item as unknown as Parameters<typeof usageKey>[0]);
      return found(await of.call(usages, digestIn(item)), (usage) => usageKey(usage) === key);
    },
    index: async (item) => ({
      digest: digestIn(item),
      children: (await places.indexes([digestIn(item)])).get(digestIn(item)),
    }),
    tag: async (item) => (await places.holders(placeIn(after('TAG#', item.PK)), [item.SK])).get(item.SK),
    'tag-pushes': async (item) => ({
      pushes: await places.pushesOf(placeIn(after('TAG#', item.PK)), item.SK.slice(0, -'#PUSHES'.length)),
    }),
    stream: async (item) => (await streams.streams([streamOf(item)])).get(streamOf(item)),
    'first-seen': async (item) => {
      const seen = await streams.firstSeen(streamOf(item));
      const stored = (unpackedItem(item).seen as readonly { finding: string }[]).map(({ finding }) => finding);
      return { seen: stored.map((finding) => ({ finding, firstSeenAtEpochMs: seen.get(finding) })) };
    },
    'stream-image': async (item) =>
      found(await collect(streamImages.of(streamOf(item))), (digest) => digest === item.digest) && item,
    rebuild: (item) => rebuilds.get(streamOf(item), after('REBUILD#', item.SK)),
    lock: (item) => locks.get(streamOf(item)),
    'rebuild-history': async (item) => (await guards.get([streamOf(item)])).get(streamOf(item)),
    'pipeline-run': async (item) => {
      const [, , executionId = ''] = item.PK.split('#');
      const { pipeline } = item as unknown as Parameters<typeof rebuilds.byExecution>[0];
      return { pipeline, ...(await rebuilds.byExecution({ pipeline, executionId })) };
    },
    slot: async (item) => found(await slots.held(streamOf(item)), ({ owner }) => owner === item.owner),
    cause: async (item) => (await causes.get([streamOf(item)])).get(streamOf(item)),
    cascade: (item) => cascades.get(streamOf(item)),
    'cascade-node': (item) => cascades.node(streamOf(item), after('NODE#', item.SK)),
    deployment: (item) => rollouts.deployment(streamOf(item), after('DEPLOY#', item.SK)),
    'environment-stop': (item) => rollouts.environmentStop(streamOf(item), after('STOP#', item.SK)),
    closure: async (item) =>
      found(await collect(rollouts.closures(streamOf(item))), ({ stream }) => stream === item.SK),
    'kill-switch': () => killSwitch.read(),
    // Read by asking for what it stands in the way of, which changes nothing.
    'planning-lease': async (item) => {
      const { owner, untilEpochMs } = item as unknown as { readonly owner: string; readonly untilEpochMs: number };
      const lease = { nowEpochMs: untilEpochMs - 1, untilEpochMs };
      return (await cascades.beginPlanning(`not ${owner}`, lease)) === undefined ? item : undefined;
    },
    'abandoned-run': async (item) => {
      const begun = await runs.begin(review(streamOf(item)));
      return 'abandoned' in begun ? begun.abandoned : undefined;
    },
    lease: async () => (await runs.latest()).running,
    run: (item) => runs.get(streamOf(item)),
    'latest-run': async () => (await runs.latest()).ended,
    'run-part': async (item) => ({
      part: found(await collect(runs.parts(streamOf(item))), ({ kind, key }) => item.SK === `PART#${kind}#${key}`),
    }),
    scope: async (item) =>
      found(await collect(new DynamoScopeLedger(table).all()), ({ scope }) => registryKey(scope) === item.SK),
    schedules: async (item) => {
      const [account = '', region = ''] = after('SCHEDULES#', item.PK).split('/');
      return { schedules: await new DynamoScheduleLedger(table).known({ account, region }) };
    },
    'service-at-zero': async (item) =>
      found(
        await collect(new DynamoServicesAtZero(table).all()),
        (service) => keys.serviceAtZero(service).SK === item.SK,
      ),
    'base-readings': () => new DynamoBaseReadingLedger(table).read(),
    expiry: async (item) =>
      found(await collect(expiries.of(placeIn(after('EXPIRY#', item.PK)))), ({ digest }) => digest === item.SK),
    'lifecycle-check': async (item) =>
      found(await collect(expiries.checks()), ({ location }) => locationKey(location) === item.SK),
    'late-heads': async (item) =>
      found(await collect(new DynamoLateHeads(table).all()), ({ location }) => locationKey(location) === item.SK),
    running: async (item) => {
      const running = new DynamoRunningReads(table);
      const presence = (await running.presencesIn([digestIn(item)], keys.placeOfRunning(item))).get(digestIn(item));
      const [placed] = await running.presencesOf(digestIn(item));
      expect(placed?.presence).toEqual(presence);
      return presence && { ...item, ...presence };
    },
    'break-glass': async (item) => {
      const [account = '', region = '', cluster = ''] = after('DOOR#', item.PK).split('/');
      const place = { account, region, cluster, namespace: item.SK };
      const breakGlass = await new DynamoBreakGlassLedger(table).breakGlassOf(place);
      return breakGlass && { ...item, ...breakGlass };
    },
    'past-break-glass': async (item) =>
      found(
        await collect(new DynamoBreakGlassLedger(table).all()),
        ({ place, beganAtEpochMs }) => keys.pastBreakGlass(place, beganAtEpochMs).SK === item.SK,
      ),
    'expected-denial': async (item) =>
      found(
        await collect(new DynamoDenials(table).all()),
        ({ place, digest }) => keys.expectedDenial(place, digest).SK === item.SK,
      ),
    'asked-webhook': async (item) =>
      found(
        await collect(new DynamoAskedWebhooks(table).all()),
        ({ cluster }) => keys.askedWebhook(cluster).SK === item.SK,
      ),
    'task-stop': async (item) =>
      found(await collect(new DynamoTaskStops(table).waiting()), ({ taskArn }) => taskArn === item.SK),
    'start-denial': async (item) => (ledgerRecord(item) as { readonly record?: unknown }).record,
    'denied-task': async (item) => (ledgerRecord(item) as { readonly record?: unknown }).record,
    'policy-applied': async (item) => ((await table.get(keys.policyApplied)) ? item : undefined),
    policy: async (item) => {
      expect(await new DynamoPolicyStore(table, undefined as never, '').inForce()).toBe(item.version);
      return (ledgerRecord(item) as { readonly record?: unknown }).record;
    },
  };
}

/** What of an item is no part of its record: keys, bookkeeping, and what its expiry is. */
const OF_THE_TABLE: ReadonlySet<string> = new Set([
  ...['PK', 'SK', 'kind', 'rev', 'openPk', 'openSk', 'agePk', 'ageSk', 'verdictPk', 'verdictSk', 'scopePk'],
  ...['recordedAtEpochMs', 'leftAtEpochMs', 'expiresAt', 'scanAskedBy'],
]);

const recordIn = (item: Item): Record<string, unknown> =>
  Object.fromEntries(Object.entries(unpackedItem(item)).filter(([name]) => !OF_THE_TABLE.has(name)));

/** Kinds that the newest version did not write yet. */
const NEW_KINDS: readonly string[] = [
  ...['asked-webhook', 'start-denial', 'denied-task', 'task-stop', 'policy-applied', 'schedules', 'service-at-zero'],
];

test('each kind that an adapter writes is in the ledger of the newest version, and is read here', () => {
  const adapters = readdirSync('shared/adapters/dynamodb', { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts'))
    .map((path) => readFileSync(`shared/adapters/dynamodb/${path}`, 'utf8'))
    .join('\n');
  const written = adapters.matchAll(/StoredRecords(?:<[^>]*>)?\(\s*\w+(?:\.\w+)?,\s*'([\w-]+)'|\bkind: '([\w-]+)'/g);
  const kinds = new Set([...written].map(([, record, item]) => record ?? item ?? ''));
  // What the outbox calls an item that it publishes nothing about.
  kinds.delete('other');
  const newest = new Set(itemsOf(`${version}.ledger.jsonl`).map(({ kind }) => kind));
  const readers = readersOf(new LedgerTable(new MemoryTable().client(), 'ledger'));
  expect(kinds.size).toBeGreaterThan(20);
  expect([...kinds].filter((kind) => !newest.has(kind)).sort()).toEqual([...NEW_KINDS].sort());
  expect([...kinds].filter((kind) => !(kind in readers))).toEqual([]);
});

describe.each(files('.ledger.jsonl'))('the ledger %s', (file) => {
  const items = itemsOf(file);
  const memory = new MemoryTable();
  for (const item of items) memory.items.set(`${item.PK} ${item.SK}`, item);
  const table = new LedgerTable(memory.client(), 'ledger', { attempts: 1, wait: async () => undefined });
  const readers = readersOf(table);
  const kinds = [...new Set(items.map(({ kind }) => kind))].sort();

  test.each(kinds)('each %s comes out whole from its adapter', async (kind) => {
    for (const item of items.filter((one) => one.kind === kind)) {
      const record = await readers[kind]?.(item);
      expect({ item: `${item.PK} ${item.SK}`, record }).toMatchObject({ record: recordIn(item) });
    }
    const unreadable = table.unreadable.items().map(({ item }) => item);
    expect(items.filter((one) => one.kind === kind && unreadable.includes(`${one.PK} / ${one.SK}`))).toEqual([]);
  });

  // An index key was made of members of the record: a member that has another name now is missed here.
  test('each image has the age, the verdict and the chain by which its indexes list it', async () => {
    const { images } = imageLedgers(table);
    for (const item of items.filter(({ kind }) => kind === 'image')) {
      const record = (await images.get([digestIn(item)])).get(digestIn(item));
      const { agePk, ageSk, verdictPk, verdictSk, openPk, openSk } = item;
      expect(record && imageContent({ record })).toMatchObject(
        Object.fromEntries(
          Object.entries({ agePk, ageSk, verdictPk, verdictSk, openPk, openSk }).filter(([, key]) => key !== undefined),
        ),
      );
    }
  });

  test('open items are listed as open', async () => {
    const { causes, rollouts, locks } = actingLedgers(table);
    const { streams } = imageLedgers(table);
    const openIn = (partition: string) => items.filter(({ openPk }) => openPk === partition).length;
    expect(await collect(causes.open())).toHaveLength(openIn('OPEN#CAUSE'));
    expect(await collect(rollouts.openClosures())).toHaveLength(openIn('OPEN#CLOSURE'));
    expect(await collect(streams.all())).toHaveLength(openIn('OPEN#STREAM'));
    expect((await collect(locks.all())).flat()).toHaveLength(openIn('OPEN#LOCK'));
    expect(await collect(new DynamoCascadeLedger(table).open())).toHaveLength(openIn('OPEN#CASCADE'));
  });

  test('the code still knows each name that an item holds', () => {
    const code = readdirSync('shared', { recursive: true, encoding: 'utf8' })
      .filter((path) => path.endsWith('.ts'))
      .map((path) => readFileSync(`shared/${path}`, 'utf8'))
      .join('\n');
    const words = new Set(code.match(/\w+/g));
    expect(namesIn(items.map(recordIn)).filter((name) => !words.has(name))).toEqual([]);
  });
});

/** Names of members at any depth. What is no identifier is data: a label, a scope, a platform. */
const namesIn = (value: unknown): readonly string[] => [
  ...new Set(
    typeof value !== 'object' || value === null
      ? []
      : Object.entries(value).flatMap(([name, member]) => [
          ...(/^[a-z]+([A-Z][a-z]*)*$/.test(name) ? [name] : []),
          ...namesIn(member),
        ]),
  ),
];

test.each(files('.policy.json'))('the policy %s is read whole', (file) => {
  const document = JSON.parse(read(file)) as object;
  const policy = storedPolicy(document);
  expect(policy).toMatchObject(document);
  expect(storedPolicy(JSON.parse(canonicalJson(policy)))).toEqual(policy);
  expect(policyVersion(policy)).toMatch(/^[0-9a-f]{64}$/);
});

test('usages of version 0.2.0 keep their keys and their scope: an upgraded ledger needs no migration', async () => {
  const items = itemsOf('0.2.0.ledger.jsonl').filter(({ kind, scopePk }) => kind === 'usage' && scopePk !== undefined);
  expect(items.length).toBeGreaterThan(0);
  const [before, after] = [new MemoryTable(), new MemoryTable()];
  for (const item of items) before.items.set(`${item.PK} ${item.SK}`, item);
  const stored = new DynamoUsageLedger(new LedgerTable(before.client(), 'ledger'));
  const written = new DynamoUsageLedger(new LedgerTable(after.client(), 'ledger'));
  const scopes = new Map(items.map(({ account, region }) => [`${account}/${region}`, { account, region }]));
  for (const scope of scopes.values() as Iterable<{ account: string; region: string }>) {
    await written.record(await collect(stored.live(scope)), 0);
    await written.leave(await collect(stored.left(scope)), 0);
  }
  const keysOf = (table: MemoryTable) =>
    [...table.items.values()].map(({ PK, SK, scopePk }) => [PK, SK, scopePk].join(' '));
  expect(keysOf(after).sort()).toEqual(keysOf(before).sort());
});
