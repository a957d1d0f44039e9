import { DynamoContentLedger } from '../../../shared/adapters/dynamodb/images/content-ledger.ts';
import { DynamoImageLedger } from '../../../shared/adapters/dynamodb/images/image-ledger.ts';
import { DynamoPlaceLedger } from '../../../shared/adapters/dynamodb/images/place-ledger.ts';
import { DynamoUsageLedger } from '../../../shared/adapters/dynamodb/images/usage-ledger.ts';
import { DynamoBreakGlassLedger } from '../../../shared/adapters/dynamodb/policy/break-glass-ledger.ts';
import { DynamoSwitchLedger } from '../../../shared/adapters/dynamodb/policy/switch-ledger.ts';
import { DynamoScopeLedger } from '../../../shared/adapters/dynamodb/reviews/scope-ledger.ts';
import * as keys from '../../../shared/adapters/dynamodb/table/keys.ts';
import { LedgerTable } from '../../../shared/adapters/dynamodb/table/table.ts';
import { collect } from '../../../shared/concurrency.ts';
import type { Usage } from '../../../shared/domain/image/usage.ts';
import { unreadableSwitch } from '../../../shared/domain/policy/kill-switch.ts';
import { MemoryTable } from '../../support/memory-dynamo.ts';
import { digestOf, imageProperties, LOCATION } from '../../support/samples.ts';

/* What reviews read: an item that cannot be read is never taken for one that is not there. */

const memory = new MemoryTable();
const table = new LedgerTable(memory.client(), 'ledger', { attempts: 1, wait: async () => undefined });
const SCOPE = { account: '111122223333', region: 'us-east-1' };

function corrupt({ PK, SK }: keys.Key, changes: Readonly<Record<string, unknown>>): void {
  const name = `${PK} ${SK}`;
  const before = memory.items.get(name);
  if (!before) throw new Error(`the test wrote no ${name}`);
  memory.items.set(name, { ...before, ...changes });
}

test('an image is known to be there, and nothing else', async () => {
  const images = new DynamoImageLedger(table);
  for (const name of ['a', 'b']) await images.recordProperties(imageProperties(name));
  corrupt(keys.image(digestOf('a')), { scan: 'complete', verdict: { status: 'compliant', reasons: [] } });
  const read = await images.get(['a', 'b'].map(digestOf));
  expect([...read.keys()].sort()).toEqual(['a', 'b'].map(digestOf).sort());
  expect(read.get(digestOf('a'))).toMatchObject({ inUse: true, unresolved: { code: 'unreadable-item' } });
  expect(read.get(digestOf('a'))).not.toHaveProperty('verdict');
  expect(table.unreadable.items()).toEqual([
    { item: `IMAGE#${digestOf('a')} / IMAGE`, problem: '`scan` must be an object, not text' },
  ]);
});

test('unreadable content and places of an image fail by name', async () => {
  const [contents, places] = [new DynamoContentLedger(table), new DynamoPlaceLedger(table)];
  await contents.record([{ digest: digestOf('c'), layers: [digestOf('layer')] }]);
  corrupt(keys.content(digestOf('c')), { layers: 7 });
  await expect(contents.get([digestOf('c')])).rejects.toThrow(/CONTENT cannot be read: `layers` must be a list/);
  await places.recordLocation({ digest: digestOf('c'), location: LOCATION, tags: ['v1'] });
  corrupt(keys.location(digestOf('c'), LOCATION), { tags: 'v1' });
  await expect(places.locations(digestOf('c'))).rejects.toThrow(/`tags` must be a list, not text/);
});

test('an unreadable kill switch stops everything until it is set again', async () => {
  const switches = new DynamoSwitchLedger(table);
  const paused = { rebuilding: 'paused', by: 'jo', atEpochMs: 1, reason: 'an incident' } as const;
  await switches.set(paused);
  corrupt(keys.killSwitch, { rebuilding: 'active', reason: 7 });
  const { PK, SK } = keys.killSwitch;
  expect(await switches.read()).toEqual(
    unreadableSwitch(`ledger item ${PK} / ${SK}: \`reason\` must be text, not a number`),
  );
  await switches.set(paused);
  expect(await switches.read()).toEqual(paused);
});

test('an unreadable break-glass opens nothing, and keeps nobody from ending or opening another one', async () => {
  const ledger = new DynamoBreakGlassLedger(table);
  const place = { ...SCOPE, cluster: 'main', namespace: 'shop' };
  const breakGlass = { author: 'Ada', reason: 'incident 7', expiresAtEpochMs: 5_000_000 };
  await ledger.begin(place, breakGlass, { uid: '1', user: 'ada', atEpochMs: 1 });
  corrupt(keys.breakGlass(place), { requests: 7 });
  expect(await ledger.breakGlassOf(place)).toBeUndefined();
  await ledger.end(place, { uid: '2', user: 'ada', atEpochMs: 2 });
  expect(await ledger.breakGlassOf(place)).toBeUndefined();
  await ledger.begin(place, breakGlass, { uid: '3', user: 'ada', atEpochMs: 3 });
  expect(await ledger.breakGlassOf(place)).toEqual(breakGlass);
});

test('an unreadable usage keeps its image in use, is left out of its scope, and its image is listed', async () => {
  const usages = new DynamoUsageLedger(table);
  const usage: Usage = {
    ...{ ...SCOPE, cluster: 'main', digest: digestOf('u'), workload: 'web', container: 'main', count: 1 },
    workloadKind: 'ecs-service',
    digestSource: 'runtime',
  };
  await usages.record([usage, { ...usage, workload: 'api' }], 1);
  corrupt(keys.usage(usage), { count: 'one' });
  expect((await collect(usages.live(SCOPE))).map(({ workload }) => workload)).toEqual(['api']);
  const unread = {
    digest: digestOf('u'),
    unreadable: expect.stringMatching(/ USE#.*: `count` must be a number, not text$/),
  };
  expect(await collect(usages.all(SCOPE, 'live'))).toEqual([expect.objectContaining({ workload: 'api' }), unread]);
  await expect(usages.ofImage(digestOf('u'))).rejects.toThrow(/`count` must be a number, not text/);
  expect(await collect(usages.digests(SCOPE, 'live'))).toEqual([digestOf('u'), digestOf('u')]);
  await usages.leave([usage], 2);
  corrupt(keys.usage(usage), { count: 'one' });
  expect(await collect(usages.left(SCOPE))).toEqual([]);
  expect(await collect(usages.all(SCOPE, 'left'))).toEqual([unread]);
  expect(await collect(usages.digests(SCOPE, 'left'))).toEqual([digestOf('u')]);
});

test.each([{ completeAtEpochMs: 'yesterday' }, { left: 'perhaps' }])(
  'a scope counts as never read: %p',
  async (changes) => {
    const scopes = new DynamoScopeLedger(table);
    await scopes.record({ scope: SCOPE, completeAtEpochMs: 1 });
    corrupt(keys.scope(SCOPE), changes);
    const [read] = await collect(scopes.all());
    expect(read).toMatchObject({ scope: SCOPE, failure: { error: 'LedgerItemUnreadableError' }, isUnreadable: true });
    expect(read).not.toHaveProperty('completeAtEpochMs');
  },
);
