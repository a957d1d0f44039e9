import { collect, mapConcurrently } from '../../shared/concurrency.ts';
import { LedgerItemsRefusedError } from '../../shared/ports/errors.ts';
import type { ImageIndex, ImageLedger, Judgement, Reconfirmations } from '../../shared/ports/ledger.ts';
import {
  alone,
  DAY_MS,
  digestOf,
  findingReason,
  HOUR_MS,
  imageProperties,
  judgement,
  NOON_EPOCH_MS,
  verdict,
} from '../support/samples.ts';
import { fc } from '../support/seeded.ts';
import type { Contract } from './contract.ts';

const NOW = NOON_EPOCH_MS;
const claim = (runId: string, atEpochMs = NOW) => ({ runId, atEpochMs, notSinceEpochMs: atEpochMs - DAY_MS });

const onBase = (days: number) =>
  ({
    parent: { digest: digestOf('base'), evidence: 'layers' },
    age: { known: true, bornAtEpochMs: NOW - days * DAY_MS, decidedBy: digestOf('base') },
  }) as const;

const withoutProperties = ({ properties: _, ...stored }: Judgement) => stored;

export function imageLedgerContract({
  make,
  propertyRuns,
}: Contract<ImageLedger & ImageIndex & Reconfirmations>): void {
  const imageOf = async (ledger: ImageLedger, name: string) => (await ledger.get([digestOf(name)])).get(digestOf(name));
  const digests = async (pages: AsyncIterable<readonly unknown[]>) => (await collect(pages)).flat();

  test('an image that was never recorded is not there', async () => {
    const ledger = await make();
    expect(await ledger.get([digestOf('a')])).toEqual(new Map());
    expect(await ledger.get([])).toEqual(new Map());
  });

  test('a new image was never scanned, is in no use and no head', async () => {
    const ledger = await make();
    await ledger.recordProperties(imageProperties('a'));
    expect(await imageOf(ledger, 'a')).toEqual({
      ...imageProperties('a'),
      inUse: false,
      isHead: false,
      scan: { state: 'off', reason: 'never-scanned', coverage: [] },
    });
  });

  test('a record over the size of an item is refused, and the image stays as it was', async () => {
    const ledger = await make();
    await ledger.recordProperties(imageProperties('a'));
    const before = await imageOf(ledger, 'a');
    const references = Array.from({ length: 15_000 }, (_, n) => `registry.example/${digestOf(`name ${n}`)}`);
    const written = ledger.recordProperties(imageProperties('a', { references }));
    await expect(written).rejects.toThrow(LedgerItemsRefusedError);
    expect(await imageOf(ledger, 'a')).toEqual(before);
  });

  test('facts are replaced as a whole and leave what others wrote', async () => {
    const ledger = await make();
    await ledger.recordProperties(imageProperties('a'));
    await ledger.recordPresence(digestOf('a'), { inUse: true });
    await ledger.recordPresence(digestOf('a'), { isHead: true });
    await ledger.recordJudgement(judgement('a', NOW));
    const {
      stream: _,
      owner: __,
      ...unmanaged
    } = imageProperties('a', { tier: 'unmanaged', birth: { known: false, rejected: [] } });
    await ledger.recordProperties(unmanaged);
    const { digest: ___, judgedAtEpochMs: ____, ...judged } = judgement('a', NOW);
    // The new facts end the last result: a door needs to know when.
    const lastKnown = { untilEpochMs: NOW, resultAtEpochMs: NOW };
    expect(await imageOf(ledger, 'a')).toEqual({ ...unmanaged, inUse: true, isHead: true, ...judged, lastKnown });
  });

  test('facts merged with stored ones: concurrent writers lose nothing', async () => {
    const ledger = await make();
    const names = ['a', 'b', 'c', 'd', 'e'].map((name) => `docker.io/library/${name}`);
    const factsWith = (name: string, known: readonly string[] = []) =>
      imageProperties('a', { references: [...new Set([...known, name])].sort() });
    const tell = (name: string) =>
      ledger.recordProperties(factsWith(name), ({ references }) => factsWith(name, references));
    await Promise.all(names.map(tell));
    expect((await imageOf(ledger, 'a'))?.references).toEqual(names);
    await tell(names[0] ?? '');
    expect((await imageOf(ledger, 'a'))?.references).toEqual(names);
  });

  test('facts that say the same leave an image judged; others do not, until it is judged by them', async () => {
    const ledger = await make();
    await ledger.recordProperties(imageProperties('a'));
    await ledger.recordJudgement(judgement('a', NOW));
    await ledger.recordProperties(imageProperties('a'));
    expect((await imageOf(ledger, 'a'))?.judgedAtEpochMs).toBe(NOW);
    await ledger.recordProperties(imageProperties('a', { owner: 'other' }));
    expect(await imageOf(ledger, 'a')).not.toHaveProperty('judgedAtEpochMs');
    expect((await imageOf(ledger, 'a'))?.verdict).toEqual(judgement('a', NOW).verdict);
    await ledger.recordJudgement(judgement('a', NOW));
    expect((await imageOf(ledger, 'a'))?.judgedAtEpochMs).toBe(NOW);
  });

  test('tags leave an image judged, and a judgement by other tags is written', async () => {
    const ledger = await make();
    const [location = { account: '', region: '', repository: '' }] = imageProperties('a').locations;
    const tagged = imageProperties('a', { tagFacts: [{ location, tags: ['12'], unmovedTags: {} }] });
    await ledger.recordProperties(imageProperties('a'));
    await ledger.recordJudgement(judgement('a', NOW));
    await ledger.recordProperties(tagged);
    expect(await imageOf(ledger, 'a')).toMatchObject({ ...tagged, judgedAtEpochMs: NOW });
    expect(await ledger.recordJudgement(judgement('a', NOW + 1, { properties: imageProperties('a') }))).toBe(true);
    expect(await imageOf(ledger, 'a')).toMatchObject({ ...tagged, judgedAtEpochMs: NOW + 1 });
    await ledger.recordProperties(imageProperties('a'));
    expect(await imageOf(ledger, 'a')).not.toHaveProperty('tagFacts');
  });

  test('a judgement by facts that changed meanwhile is not written; by those that are there it is', async () => {
    const ledger = await make();
    await ledger.recordProperties(imageProperties('a'));
    await ledger.recordJudgement(judgement('a', NOW, { properties: imageProperties('a') }));
    const before = await imageOf(ledger, 'a');
    expect(before).toEqual({
      ...imageProperties('a'),
      inUse: false,
      isHead: false,
      ...withoutProperties(judgement('a', NOW)),
    });

    await ledger.recordProperties(imageProperties('a', { owner: 'other' }));
    expect(await ledger.recordJudgement(judgement('a', NOW + 1, { properties: imageProperties('a') }))).toBe(false);
    expect((await imageOf(ledger, 'a'))?.scan).toEqual(before?.scan);
    const { locations, ...rest } = imageProperties('a', { owner: 'other' });
    expect(await ledger.recordJudgement(judgement('a', NOW + 1, { properties: { locations, ...rest } }))).toBe(true);
    expect((await imageOf(ledger, 'a'))?.judgedAtEpochMs).toBe(NOW + 1);
  });

  test('a lineage is kept, through facts and judgements, and a second one replaces it as a whole', async () => {
    const ledger = await make();
    await ledger.recordProperties(imageProperties('a'));
    await ledger.recordLineage(digestOf('a'), onBase(40));
    await ledger.recordProperties(imageProperties('a', { owner: 'other' }));
    await ledger.recordJudgement(judgement('a', NOW));
    expect((await imageOf(ledger, 'a'))?.lineage).toEqual(onBase(40));
    const alone = { age: { known: false, unknown: [digestOf('a')] } } as const;
    await ledger.recordLineage(digestOf('a'), alone);
    expect((await imageOf(ledger, 'a'))?.lineage).toEqual(alone);
  });

  test('search results below an unreadable image are dropped once it is read', async () => {
    const ledger = await make();
    await ledger.recordProperties(
      imageProperties('a', { unresolved: { code: 'no-answer', detail: 'ECR said nothing' } }),
    );
    await ledger.recordLineage(digestOf('a'), { age: { known: false, unknown: [digestOf('a')] } });
    await ledger.recordProperties(imageProperties('a', { unresolved: { code: 'no-answer', detail: 'ECR timed out' } }));
    expect((await imageOf(ledger, 'a'))?.lineage).toBeDefined();
    await ledger.recordProperties(imageProperties('a'));
    expect((await imageOf(ledger, 'a'))?.lineage).toBeUndefined();
  });

  test('an unknown lineage is kept with the unread repositories until a parent is found', async () => {
    const ledger = await make();
    await ledger.recordProperties(imageProperties('a'));
    await ledger.recordLineage(digestOf('a'), { mayLieBelow: ['1/r/base'] });
    await ledger.recordProperties(imageProperties('a', { owner: 'other' }));
    expect((await imageOf(ledger, 'a'))?.mayLieBelow).toEqual(['1/r/base']);
    await ledger.recordLineage(digestOf('a'), { mayLieBelow: [] });
    expect(await imageOf(ledger, 'a')).not.toHaveProperty('mayLieBelow');
    await ledger.recordLineage(digestOf('a'), { mayLieBelow: ['1/r/base'] });
    await ledger.recordLineage(digestOf('a'), onBase(40));
    expect(await imageOf(ledger, 'a')).not.toHaveProperty('mayLieBelow');
    await ledger.recordLineage(digestOf('a'), { mayLieBelow: ['1/r/base'] });
    expect(await imageOf(ledger, 'a')).toMatchObject({ lineage: onBase(40) });
    expect(await imageOf(ledger, 'a')).not.toHaveProperty('mayLieBelow');
  });

  test('another age makes a verdict unconfirmed; another parent with the same age does not', async () => {
    const ledger = await make();
    await ledger.recordProperties(imageProperties('a'));
    const judgedAt = async () => (await imageOf(ledger, 'a'))?.judgedAtEpochMs;
    await ledger.recordLineage(digestOf('a'), alone(imageProperties('a')));
    await ledger.recordJudgement(judgement('a', NOW));
    await ledger.recordLineage(digestOf('a'), alone(imageProperties('a')));
    expect(await judgedAt()).toBe(NOW);
    await ledger.recordLineage(digestOf('a'), onBase(40));
    expect(await judgedAt()).toBeUndefined();
    expect((await imageOf(ledger, 'a'))?.verdict).toEqual(judgement('a', NOW).verdict);
    await ledger.recordJudgement(judgement('a', NOW));
    await ledger.recordLineage(digestOf('a'), {
      ...onBase(40),
      parent: { digest: digestOf('c'), evidence: 'layers' },
    });
    await ledger.recordLineage(digestOf('a'), {
      ...onBase(40),
      parent: { digest: digestOf('c'), evidence: 'layers' },
    });
    expect(await judgedAt()).toBe(NOW);
  });

  test('a verdict that only says that the lineage was unread stays judged once it is read; one by another age does not', async () => {
    const ledger = await make();
    const unread = { ruleId: 'age-known', effect: 'unknown', kind: 'age-unknown', isLineageUnread: true } as const;
    const old = { ruleId: 'age-limit', effect: 'due', kind: 'age', bornAtEpochMs: NOW, limitDays: 30 } as const;
    for (const [name, reasons] of [
      ['young', [unread]],
      ['old', [unread, old]],
    ] as const) {
      await ledger.recordProperties(imageProperties(name));
      await ledger.recordJudgement(judgement(name, NOW, { verdict: verdict('unknown', { reasons }) }));
      await ledger.recordLineage(digestOf(name), onBase(40));
    }
    expect(await imageOf(ledger, 'young')).toMatchObject({ verdict: { status: 'unknown' }, judgedAtEpochMs: NOW });
    expect(await imageOf(ledger, 'old')).not.toHaveProperty('judgedAtEpochMs');
  });

  test('a judgement by an age that is no longer so is not written; by the one that is there it is', async () => {
    const ledger = await make();
    await ledger.recordProperties(imageProperties('a'));
    const own = { known: true, bornAtEpochMs: NOW - 10 * DAY_MS, decidedBy: digestOf('a') } as const;
    expect(await ledger.recordJudgement(judgement('a', NOW, { properties: imageProperties('a'), age: own }))).toBe(
      false,
    );
    await ledger.recordLineage(digestOf('a'), alone(imageProperties('a')));
    expect(await ledger.recordJudgement(judgement('a', NOW, { properties: imageProperties('a'), age: own }))).toBe(
      true,
    );
    expect(await imageOf(ledger, 'a')).not.toHaveProperty('age');
    await ledger.recordLineage(digestOf('a'), onBase(40));
    expect(await ledger.recordJudgement(judgement('a', NOW + 1, { properties: imageProperties('a'), age: own }))).toBe(
      false,
    );
    const now = judgement('a', NOW + 1, { properties: imageProperties('a'), age: onBase(40).age });
    expect(await ledger.recordJudgement(now)).toBe(true);
  });

  test('use, heads and requests are no facts: a judgement survives their change', async () => {
    const ledger = await make();
    await ledger.recordProperties(imageProperties('a'));
    await ledger.recordPresence(digestOf('a'), { inUse: true });
    await ledger.claimScan(digestOf('a'), claim('run-1'));
    expect(await ledger.recordJudgement(judgement('a', NOW, { properties: imageProperties('a') }))).toBe(true);
  });

  test('new facts and a judgement by old ones at once: a judged image was judged by the stored facts', async () => {
    const ledger = await make();
    await ledger.recordProperties(imageProperties('a'));
    const [, written] = await Promise.all([
      ledger.recordProperties(imageProperties('a', { owner: 'other' })),
      ledger.recordJudgement(judgement('a', NOW, { properties: imageProperties('a') })),
    ]);
    const after = await imageOf(ledger, 'a');
    expect(after).toMatchObject({ owner: 'other' });
    expect(after).not.toHaveProperty('judgedAtEpochMs');
    expect(after?.verdict !== undefined).toBe(written);
  });

  test('an unrecorded image can be neither used, claimed nor judged', async () => {
    const ledger = await make();
    const expected = expect.objectContaining({ name: 'ImageNotRecordedError' });
    await expect(ledger.recordPresence(digestOf('a'), { inUse: true })).rejects.toEqual(expected);
    await expect(ledger.recordLineage(digestOf('a'), onBase(40))).rejects.toEqual(expected);
    await expect(ledger.claimScan(digestOf('a'), claim('run-1'))).rejects.toEqual(expected);
    await expect(ledger.markUnread(digestOf('a'))).rejects.toEqual(expected);
    await expect(ledger.recordJudgement(judgement('a', NOW))).rejects.toEqual(expected);
  });

  test('each scope says for itself who runs an image by a guess, and a verdict without that is not the last word', async () => {
    const ledger = await make();
    await ledger.recordProperties(imageProperties('a'));
    const judged = judgement('a', NOW, { properties: imageProperties('a') });
    await ledger.recordJudgement(judged);
    await ledger.recordGuess(digestOf('a'), 'one/scope', 'ecs-service web');
    await ledger.recordGuess(digestOf('a'), 'other/scope', 'ecs-task job');
    const guessedIn = { 'one/scope': 'ecs-service web', 'other/scope': 'ecs-task job' };
    expect(await imageOf(ledger, 'a')).toMatchObject({ guessedIn, verdict: judged.verdict });
    expect(await imageOf(ledger, 'a')).not.toHaveProperty('judgedAtEpochMs');
    // It was formed before the guess was known.
    expect(await ledger.recordJudgement({ ...judged, judgedAtEpochMs: NOW + 1 })).toBe(false);
    expect(await ledger.recordJudgement({ ...judged, guessedIn, judgedAtEpochMs: NOW + 1 })).toBe(true);
    await ledger.recordGuess(digestOf('a'), 'one/scope', 'ecs-service web');
    expect(await imageOf(ledger, 'a')).toMatchObject({ judgedAtEpochMs: NOW + 1 });
    await ledger.recordGuess(digestOf('a'), 'one/scope', undefined);
    expect(await imageOf(ledger, 'a')).toMatchObject({ guessedIn: { 'other/scope': 'ecs-task job' } });
    await ledger.recordGuess(digestOf('a'), 'other/scope', undefined);
    expect(await imageOf(ledger, 'a')).not.toHaveProperty('guessedIn');
    await expect(ledger.recordGuess(digestOf('b'), 'one/scope', 'x')).rejects.toMatchObject({
      name: 'ImageNotRecordedError',
    });
  });

  test('250 images come back from one question', async () => {
    const ledger = await make();
    const names = Array.from({ length: 250 }, (_, n) => `image-${n}`);
    await mapConcurrently(names, 16, (name) => ledger.recordProperties(imageProperties(name)));
    const found = await ledger.get([...names.map(digestOf), ...names.map(digestOf), digestOf('unknown')]);
    expect(new Set(found.keys())).toEqual(new Set(names.map(digestOf)));
  }, 20_000);

  test('a scan is claimed once a day, by its own run again, and by the next day', async () => {
    const ledger = await make();
    await ledger.recordProperties(imageProperties('a'));
    expect(await ledger.claimScan(digestOf('a'), claim('run-1'))).toBe(true);
    expect(await ledger.claimScan(digestOf('a'), claim('run-2', NOW + HOUR_MS))).toBe(false);
    expect(await ledger.claimScan(digestOf('a'), claim('run-1', NOW + HOUR_MS))).toBe(true);
    expect(await ledger.claimScan(digestOf('a'), claim('run-2', NOW + DAY_MS))).toBe(false);
    expect(await ledger.claimScan(digestOf('a'), claim('run-2', NOW + HOUR_MS + DAY_MS + 1))).toBe(true);
  });

  test('a result within the day leaves nothing to claim', async () => {
    const ledger = await make();
    await ledger.recordProperties(imageProperties('a'));
    await ledger.recordJudgement(judgement('a', NOW - HOUR_MS));
    expect(await ledger.claimScan(digestOf('a'), claim('run-1'))).toBe(false);
    expect(await ledger.claimScan(digestOf('a'), claim('run-1', NOW + DAY_MS))).toBe(true);
  });

  test('ten concurrent claims: one succeeds', async () => {
    const ledger = await make();
    await ledger.recordProperties(imageProperties('a'));
    const runs = Array.from({ length: 10 }, (_, n) => ledger.claimScan(digestOf('a'), claim(`run-${n}`)));
    expect((await Promise.all(runs)).filter(Boolean)).toHaveLength(1);
  });

  test('writers of different parts of an image at once lose nothing', async () => {
    const ledger = await make();
    await ledger.recordProperties(imageProperties('a'));
    await Promise.all([
      ledger.recordProperties(imageProperties('a', { owner: 'other' })),
      ledger.recordPresence(digestOf('a'), { inUse: true }),
      ledger.recordPresence(digestOf('a'), { isHead: true }),
      ledger.recordJudgement(judgement('a', NOW - 2 * DAY_MS)),
    ]);
    expect(await imageOf(ledger, 'a')).toMatchObject({
      owner: 'other',
      inUse: true,
      isHead: true,
      findingsFingerprint: `fingerprint-${NOW - 2 * DAY_MS}`,
    });
  });

  test('a later result that knows less of language packages is refused, because it was formed without that', async () => {
    const ledger = await make();
    await ledger.recordProperties(imageProperties('a'));
    const ofInspector = judgement('a', NOW - DAY_MS);
    const basic = judgement('a', NOW);
    const covered = { ...ofInspector.scan, coverage: ['os', 'language'] } as const;
    await ledger.recordJudgement({ ...ofInspector, scan: covered });
    expect(await ledger.recordJudgement(basic)).toBe(false);
    expect((await imageOf(ledger, 'a'))?.scan).toEqual(covered);
    const scan = { ...basic.scan, languageAtEpochMs: NOW - DAY_MS };
    expect(await ledger.recordJudgement({ ...basic, scan })).toBe(true);
    expect((await imageOf(ledger, 'a'))?.scan).toEqual(scan);
    expect(await ledger.recordJudgement(judgement('a', NOW + HOUR_MS))).toBe(false);
  });

  test('the latest request for a scan survives a judgement formed before it', async () => {
    const ledger = await make();
    await ledger.recordProperties(imageProperties('a'));
    await ledger.claimScan(digestOf('a'), claim('run-1'));
    const scan = judgement('a', NOW - DAY_MS).scan;
    await ledger.recordJudgement(judgement('a', NOW - DAY_MS));
    expect((await imageOf(ledger, 'a'))?.scan.requestedAtEpochMs).toBe(NOW);
    await ledger.recordJudgement(
      judgement('a', NOW - DAY_MS, { scan: { ...scan, requestedAtEpochMs: NOW - DAY_MS }, judgedAtEpochMs: NOW + 1 }),
    );
    expect((await imageOf(ledger, 'a'))?.scan.requestedAtEpochMs).toBe(NOW);
  });

  test('an unread result is marked after the request, and the mark goes with the next judgement', async () => {
    const ledger = await make();
    await ledger.recordProperties(imageProperties('a'));
    await ledger.claimScan(digestOf('a'), claim('run-1'));
    await ledger.markUnread(digestOf('a'));
    await ledger.markUnread(digestOf('a'));
    const answered = { requestedAtEpochMs: NOW, answeredRequestAtEpochMs: NOW };
    expect((await imageOf(ledger, 'a'))?.scan).toEqual({ state: 'stale', ...answered, coverage: [] });
    expect(await imageOf(ledger, 'a')).not.toHaveProperty('verdict');
    const { scan } = judgement('a', NOW - HOUR_MS);
    expect(await ledger.recordJudgement(judgement('a', NOW - HOUR_MS, { judgedAtEpochMs: NOW + 1 }))).toBe(true);
    expect((await imageOf(ledger, 'a'))?.scan).toEqual({ ...scan, ...answered });
  });

  test.each([
    ['a result since the request', judgement('a', NOW + 1)],
    ['a judgement since the request', judgement('a', NOW - HOUR_MS, { judgedAtEpochMs: NOW + 1 })],
  ])('%s is not marked as unread', async (_, judged) => {
    const ledger = await make();
    await ledger.recordProperties(imageProperties('a'));
    await ledger.claimScan(digestOf('a'), claim('run-1'));
    await ledger.recordJudgement(judged);
    await ledger.markUnread(digestOf('a'));
    expect((await imageOf(ledger, 'a'))?.scan).toMatchObject({ state: 'complete', answeredRequestAtEpochMs: NOW });
  });

  const unread = { state: 'failed', reason: 'scan-failed', coverage: [] } as const;
  const failed = { ...unread, completedAtEpochMs: NOW } as const;
  test.each([
    ['an older result never overwrites a newer', judgement('a', NOW), judgement('a', NOW - 1), false],
    [
      'an older result judged later neither',
      judgement('a', NOW),
      judgement('a', NOW - 1, { judgedAtEpochMs: NOW + 9 }),
      false,
    ],
    [
      'a newer result judged earlier does',
      judgement('a', NOW),
      judgement('a', NOW + 1, { judgedAtEpochMs: NOW - 9 }),
      true,
    ],
    ['the same result judged again does', judgement('a', NOW), judgement('a', NOW, { judgedAtEpochMs: NOW + 9 }), true],
    ['the same judgement twice is written', judgement('a', NOW), judgement('a', NOW), true],
    [
      'a later failure does',
      judgement('a', NOW),
      judgement('a', NOW, { scan: failed, judgedAtEpochMs: NOW + 1 }),
      true,
    ],
    [
      'an earlier failure does not',
      judgement('a', NOW),
      judgement('a', NOW, { scan: failed, judgedAtEpochMs: NOW - 1 }),
      false,
    ],
    [
      'a later failure of one who had not seen the result does not',
      judgement('a', NOW),
      judgement('a', NOW, { scan: unread, judgedAtEpochMs: NOW + 1 }),
      false,
    ],
    [
      'a result judged before a failure does',
      judgement('a', NOW, { scan: unread, judgedAtEpochMs: NOW + 1 }),
      judgement('a', NOW),
      true,
    ],
    [
      'of two failures without a result the later stays',
      judgement('a', NOW, { scan: unread, judgedAtEpochMs: NOW + 1 }),
      judgement('a', NOW, { scan: unread, judgedAtEpochMs: NOW }),
      false,
    ],
  ])('%s', async (_, first, second, written) => {
    const ledger = await make();
    await ledger.recordProperties(imageProperties('a'));
    expect(await ledger.recordJudgement(first)).toBe(true);
    expect(await ledger.recordJudgement(second)).toBe(written);
    expect((await imageOf(ledger, 'a'))?.judgedAtEpochMs).toBe((written ? second : first).judgedAtEpochMs);
  });

  test('a judgement without findings leaves the fingerprint of the evidence', async () => {
    const ledger = await make();
    await ledger.recordProperties(imageProperties('a'));
    await ledger.recordJudgement(judgement('a', NOW));
    const {
      findingsFingerprint: _,
      findingsCount: __,
      ...refused
    } = judgement('a', NOW, {
      scan: failed,
      verdict: verdict('unknown'),
      judgedAtEpochMs: NOW + 1,
    });
    await ledger.recordJudgement(refused);
    expect(await imageOf(ledger, 'a')).toMatchObject({
      verdict: { status: 'unknown' },
      findingsFingerprint: `fingerprint-${NOW}`,
    });
  });

  test('judgements of any order converge', async () => {
    const judgements = fc.uniqueArray(fc.integer({ min: 0, max: 40 }), { minLength: 1, maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(judgements, async (hours) => {
        const ledger = await make();
        await ledger.recordProperties(imageProperties('a'));
        for (const hour of hours) await ledger.recordJudgement(judgement('a', NOW + hour * HOUR_MS));
        expect((await imageOf(ledger, 'a'))?.judgedAtEpochMs).toBe(NOW + Math.max(...hours) * HOUR_MS);
      }),
      { numRuns: propertyRuns },
    );
  });

  test('a reconfirmation keeps the latest time, before and after other writes', async () => {
    const ledger = await make();
    await expect(ledger.recordReconfirmation(digestOf('a'), NOW)).rejects.toMatchObject({
      name: 'ImageNotRecordedError',
    });
    await ledger.recordProperties(imageProperties('a'));
    for (const hours of [1, 3, 2]) await ledger.recordReconfirmation(digestOf('a'), NOW + hours * HOUR_MS);
    await ledger.recordProperties(imageProperties('a', { owner: 'another' }));
    await ledger.recordLineage(digestOf('a'), onBase(50));
    await ledger.recordJudgement(judgement('a', NOW));
    expect(await imageOf(ledger, 'a')).toMatchObject({
      ...{ reconfirmedAtEpochMs: NOW + 3 * HOUR_MS, owner: 'another', verdict: {} },
    });
  });

  test('a verdict of 5,000 reasons is kept whole', async () => {
    const ledger = await make();
    await ledger.recordProperties(imageProperties('a'));
    const reasons = Array.from({ length: 5000 }, (_, n) => findingReason(n));
    await ledger.recordJudgement(judgement('a', NOW, { verdict: verdict('violating', { reasons }) }));
    expect((await imageOf(ledger, 'a'))?.verdict?.reasons).toEqual(reasons);
  });

  test('the open list has images in use that are violating or unknown, by their present verdict', async () => {
    const ledger = await make();
    for (const name of ['violating', 'unknown', 'compliant', 'unused']) {
      await ledger.recordProperties(imageProperties(name));
      const status = name === 'unused' ? 'violating' : (name as 'violating' | 'unknown' | 'compliant');
      await ledger.recordJudgement(judgement(name, NOW, { verdict: verdict(status) }));
      await ledger.recordPresence(digestOf(name), { inUse: name !== 'unused', isHead: true });
    }
    expect(await digests(ledger.withVerdict('violating'))).toEqual([digestOf('violating')]);
    expect(await digests(ledger.withVerdict('unknown'))).toEqual([digestOf('unknown')]);
    await ledger.recordJudgement(judgement('violating', NOW + 1, { verdict: verdict('compliant') }));
    await ledger.recordPresence(digestOf('unknown'), { inUse: false });
    expect(await digests(ledger.withVerdict('violating'))).toEqual([]);
    expect(await digests(ledger.withVerdict('unknown'))).toEqual([]);
  });

  test('the age list has images in use and heads of a known age before an instant', async () => {
    const ledger = await make();
    const bornAt = (bornAtEpochMs: number) => ({ birth: { known: true as const, bornAtEpochMs, evidence: [] } });
    for (const [name, changes] of [
      ['used', bornAt(NOW - 30 * DAY_MS)],
      ['head', bornAt(NOW - 20 * DAY_MS)],
      ['young', bornAt(NOW)],
      ['gone', bornAt(NOW - 40 * DAY_MS)],
      ['ageless', { birth: { known: false, rejected: [] } }],
    ] as const) {
      await ledger.recordProperties(imageProperties(name, changes));
      await ledger.recordLineage(digestOf(name), alone(imageProperties(name, changes)));
    }
    await ledger.recordProperties(imageProperties('unread', bornAt(NOW - 30 * DAY_MS)));
    for (const name of ['used', 'young', 'ageless', 'unread'])
      await ledger.recordPresence(digestOf(name), { inUse: true });
    await ledger.recordPresence(digestOf('head'), { isHead: true });
    const listed = (await digests(ledger.bornBefore(NOW))) as { bornAtEpochMs: number }[];
    expect(listed.sort((one, other) => one.bornAtEpochMs - other.bornAtEpochMs)).toEqual([
      { digest: digestOf('used'), bornAtEpochMs: NOW - 30 * DAY_MS },
      { digest: digestOf('head'), bornAtEpochMs: NOW - 20 * DAY_MS },
    ]);
    const within = (await digests(ledger.bornBefore(NOW, NOW - 20 * DAY_MS))) as { digest: string }[];
    expect(within.map(({ digest }) => digest)).toEqual([digestOf('head')]);
    expect(await digests(ledger.bornBefore(NOW - 20 * DAY_MS, NOW - 30 * DAY_MS + 1))).toEqual([]);
    await ledger.recordPresence(digestOf('head'), { isHead: false });
    expect(await digests(ledger.bornBefore(NOW))).toHaveLength(1);

    await ledger.recordLineage(digestOf('used'), onBase(50));
    await ledger.recordLineage(digestOf('ageless'), onBase(60));
    const old = (await digests(ledger.bornBefore(NOW - 45 * DAY_MS))) as { digest: string }[];
    expect(old.map(({ digest }) => digest).sort()).toEqual([digestOf('used'), digestOf('ageless')].sort());
    await ledger.recordLineage(digestOf('used'), { age: { known: false, unknown: [digestOf('used')] } });
    expect(await digests(ledger.bornBefore(NOW))).toHaveLength(1);
  });

  test('every other image with a verdict is listed by its last scan result', async () => {
    const ledger = await make();
    const scannedAt = (epochMs: number) => ({
      scan: { state: 'complete', completedAtEpochMs: epochMs, coverage: ['os'] } as const,
    });
    for (const name of ['spare', 'earlier', 'watched', 'head', 'used', 'ageless', 'unscanned', 'unjudged'])
      await ledger.recordProperties(imageProperties(name));
    for (const name of ['spare', 'watched', 'head', 'used'])
      await ledger.recordLineage(digestOf(name), alone(imageProperties(name)));
    for (const name of ['spare', 'head', 'used', 'ageless'])
      await ledger.recordJudgement(judgement(name, NOW, scannedAt(NOW)));
    await ledger.recordJudgement(judgement('earlier', NOW, scannedAt(NOW - 10)));
    const watched = {
      state: 'continuous',
      completedAtEpochMs: NOW - 10,
      watchedAtEpochMs: NOW,
      coverage: ['os'],
    } as const;
    await ledger.recordJudgement(judgement('watched', NOW, { scan: watched }));
    await ledger.recordJudgement(judgement('unscanned', NOW, { scan: { state: 'off', coverage: [] } }));
    for (const name of ['used', 'ageless']) await ledger.recordPresence(digestOf(name), { inUse: true });
    await ledger.recordPresence(digestOf('head'), { isHead: true });
    const since = async (epochMs: number) => ((await digests(ledger.scannedSince(epochMs))) as string[]).sort();
    const named = (...names: readonly string[]) => names.map(digestOf).sort();
    expect(await since(NOW)).toEqual(named('spare', 'watched', 'ageless'));
    expect(await since(NOW - 10)).toEqual(named('spare', 'watched', 'ageless', 'earlier'));
    expect(await since(NOW + 1)).toEqual([]);

    await ledger.recordPresence(digestOf('head'), { isHead: false });
    await ledger.recordPresence(digestOf('spare'), { isHead: true });
    await ledger.recordLineage(digestOf('ageless'), alone(imageProperties('ageless')));
    expect(await since(NOW)).toEqual(named('head', 'watched'));
    expect(await digests(ledger.bornBefore(NOW + 1))).toHaveLength(3);
  });
}
