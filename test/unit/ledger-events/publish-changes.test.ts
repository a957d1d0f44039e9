import { unmarshall } from '@aws-sdk/util-dynamodb';
import { publishChanges } from '../../../functions/ledger-events/publish-changes.ts';
import { ledgerRecord } from '../../../shared/adapters/dynamodb/table/items.ts';
import type { PublishedEvent } from '../../../shared/domain/outbox/published-event.ts';
import type { Reason } from '../../../shared/domain/verdict/verdict.ts';
import { EventsNotPublishedError } from '../../../shared/ports/errors.ts';
import { fc } from '../../support/seeded.ts';
import { causeItem, change, deploymentItem, digestOf, imageItem } from './support.ts';

const read = (item: Parameters<typeof unmarshall>[0]) => ledgerRecord(unmarshall(item));

/** A bus that refuses what `refuses` names. */
function bus(refuses: (event: PublishedEvent) => boolean = () => false) {
  const published: PublishedEvent[] = [];
  return {
    published,
    publish: async (events: readonly PublishedEvent[]) => {
      const refused = events.filter(refuses);
      published.push(...events.filter((event) => !refused.includes(event)));
      const failures = refused.map(({ detailType }) => ({ detailType, code: 'Refused', detail: '' }));
      if (failures.length > 0) throw new EventsNotPublishedError(failures);
    },
  };
}
const digestIn = (event: PublishedEvent): unknown => event.detail.digest;

test('publishes changed verdicts and causes in stream order, and nothing else', async () => {
  const heard = bus();
  const result = await publishChanges({ bus: heard, read }, [
    change(1, undefined, imageItem(1)),
    change(2, imageItem(1), imageItem(1, 'unknown')),
    change(3, undefined, { PK: 'RUN#1', SK: 'PART#scan#0001', kind: 'part' }),
    change(4, undefined, causeItem('s', 1)),
    change(5, imageItem(1, 'unknown'), imageItem(1, 'unknown')),
    change(6, imageItem(1, 'unknown'), imageItem(1, 'compliant')),
    change(7, imageItem(1, 'compliant'), undefined),
  ]);
  expect(result).toEqual({ published: 3, measured: [] });
  expect(heard.published.map(({ detailType, detail }) => [detailType, detail.status ?? detail.version])).toEqual([
    ['ImageVerdictChanged', 'unknown'],
    ['RebuildNeeded', 1],
    ['ImageVerdictChanged', 'compliant'],
  ]);
});

test('reads a verdict of thousands of reasons, which the ledger keeps compressed', async () => {
  const reasons = Array.from(
    { length: 5000 },
    (_, number): Reason => ({
      ...{ ruleId: 'no-critical', effect: 'violates', kind: 'finding', package: 'p', version: '1', fix: 'unknown' },
      ...{ vulnerability: `CVE-${number}`, severity: 'critical', firstSeenAtEpochMs: 1 },
    }),
  );
  const heard = bus();
  await publishChanges({ bus: heard, read }, [change(1, undefined, imageItem(1, 'violating', reasons))]);
  expect(heard.published[0]?.detail.reasonCount).toBe(5000);
});

test('stops at an unreadable change, names the item, and publishes the earlier ones', async () => {
  const heard = bus();
  const broken = change(2, undefined, { PK: `IMAGE#${digestOf(2)}`, SK: 'IMAGE', kind: 'image', verdict: 'broken' });
  const result = await publishChanges({ bus: heard, read }, [
    change(1, undefined, imageItem(1, 'unknown')),
    broken,
    change(3, undefined, imageItem(3, 'unknown')),
  ]);
  expect(heard.published.map(digestIn)).toEqual([digestOf(1)]);
  expect(result).toMatchObject({
    published: 1,
    failed: {
      sequenceNumber: '2',
      error: { name: 'LedgerChangeUnreadableError', message: expect.stringContaining(`IMAGE#${digestOf(2)} / IMAGE`) },
    },
  });
});

test('measures changes up to the first failed one', async () => {
  const refuses = (event: PublishedEvent) => digestIn(event) === digestOf(2);
  const records = [
    change(1, deploymentItem('running'), deploymentItem('failed')),
    change(2, undefined, imageItem(2, 'unknown')),
    change(3, deploymentItem('running'), deploymentItem('completed')),
  ];
  const [failed, completed] = [1, 0].map((count) => ({ metric: 'DeploymentsFailed', count }));
  const result = await publishChanges({ bus: bus(refuses), read }, records);
  expect(result).toMatchObject({ failed: { sequenceNumber: '2' }, measured: [failed] });
  expect((await publishChanges({ bus: bus(), read }, records.slice(1))).measured).toEqual([completed]);
  expect((await publishChanges({ bus: bus(), read }, records)).measured).toEqual([failed, completed]);
});

test('a value of an unknown type makes the change unreadable', async () => {
  const record = change(7, undefined, imageItem(1, 'unknown'));
  const strange = { ...record.dynamodb, NewImage: { ...record.dynamodb.NewImage, tier: { X: 'y' } } };
  // @ts-expect-error: the type is wrong on purpose
  const result = await publishChanges({ bus: bus(), read }, [{ dynamodb: strange }]);
  expect(result.failed?.sequenceNumber).toBe('7');
});

test('finds the first refused change; the next delivery starts there', async () => {
  const refuses = (event: PublishedEvent) => digestIn(event) === digestOf(2);
  const heard = bus(refuses);
  const records = [1, 2, 3].map((number) => change(number, undefined, imageItem(number, 'unknown')));
  expect(await publishChanges({ bus: heard, read }, records)).toMatchObject({
    published: 1,
    failed: { sequenceNumber: '2', error: { name: 'EventsNotPublishedError' } },
  });

  const again = bus();
  expect(await publishChanges({ bus: again, read }, records.slice(1))).toEqual({ published: 2, measured: [] });
  expect(again.published.map(digestIn)).toEqual([digestOf(2), digestOf(3)]);
});

test('with any refusals and redeliveries every event is published, the last state last', async () => {
  const statuses = fc.constantFrom('compliant', 'violating', 'unknown' as const);
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.integer({ min: 1, max: 3 }), statuses), { minLength: 1, maxLength: 30 }),
      fc.infiniteStream(fc.boolean()),
      async (writes, chance) => {
        const last = new Map<number, (typeof writes)[number][1]>();
        const records = writes.map(([number, status], index) => {
          const before = last.get(number);
          last.set(number, status);
          return change(index, before && imageItem(number, before), imageItem(number, status));
        });
        const heard = bus(() => chance.next().value === true);
        let left = records;
        for (let delivery = 0; left.length > 0 && delivery < 500; delivery += 1) {
          const { failed } = await publishChanges({ bus: heard, read }, left);
          if (!failed) left = [];
          else left = left.slice(left.findIndex(({ dynamodb }) => dynamodb.SequenceNumber === failed.sequenceNumber));
        }
        for (const [number, status] of last) {
          const ofImage = heard.published.filter((event) => digestIn(event) === digestOf(number));
          expect(ofImage.at(-1)?.detail.status).toBe(status);
        }
      },
    ),
    { numRuns: 200 },
  );
});
