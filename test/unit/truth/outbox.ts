import type { ExpectedDenial } from '../../../shared/domain/admission/expected-denial.ts';
import type { Closure, Deployment } from '../../../shared/domain/cause/cascade.ts';
import type { Cause } from '../../../shared/domain/cause/cause.ts';
import type { Rebuild } from '../../../shared/domain/cause/rebuild.ts';
import type { LedgerRecord } from '../../../shared/domain/outbox/ledger-record.ts';
import type { PublishedEvent } from '../../../shared/domain/outbox/published-event.ts';
import { doorPlaceText } from '../../../shared/domain/policy/doors.ts';
import type { ReviewRecord } from '../../../shared/domain/review/run.ts';
import type { StreamRecord } from '../../../shared/domain/stream/stream-record.ts';
import type { ImageRecord } from '../../../shared/domain/verdict/image-record.ts';
import { announce } from '../../../shared/events/announce.ts';
import type { FakeWorld } from '../../support/fakes/world.ts';

/** One change of the ledger, in the words of the domain. */
export type Change =
  | { readonly kind: 'image'; readonly before?: ImageRecord; readonly after: ImageRecord }
  | { readonly kind: 'cause'; readonly before?: Cause; readonly after: Cause }
  | { readonly kind: 'stream'; readonly before?: StreamRecord; readonly after: StreamRecord }
  | { readonly kind: 'rebuild'; readonly before?: Rebuild; readonly after: Rebuild }
  | { readonly kind: 'closure'; readonly before?: Closure; readonly after: Closure }
  | { readonly kind: 'deployment'; readonly before?: Deployment; readonly after: Deployment }
  | { readonly kind: 'expected-denial'; readonly before?: ExpectedDenial; readonly after: ExpectedDenial }
  | { readonly kind: 'run'; readonly before?: ReviewRecord; readonly after: ReviewRecord };

/**
 * Tells of each change of a fake ledger as the stream of the table does: what it was, what it is, and the events that it
 * means. Changes the methods of the fakes in place.
 */
export function watchLedger(world: FakeWorld, tell: (change: Change, events: readonly PublishedEvent[]) => void): void {
  const changed = <Kind extends Change['kind']>(
    kind: Kind,
    before: Extract<Change, { kind: Kind }>['before'],
    after: Extract<Change, { kind: Kind }>['after'] | undefined,
  ): void => {
    if (after === undefined || Object.is(before, after)) return;
    const change = { kind, after, ...(before !== undefined && { before }) } as Change;
    tell(change, announce(recordOf(kind, before), recordOf(kind, after)));
  };

  const { images, causes, streams, rebuilds, rollouts, denials, runs } = world;
  // Every write of an image goes through this map.
  const put = images.records.set.bind(images.records);
  images.records.set = (digest, record) => {
    const before = images.records.get(digest);
    put(digest, record);
    changed('image', before, record);
    return images.records;
  };
  const changeCause = causes.change.bind(causes);
  causes.change = async (stream, change) => {
    let before: Cause | undefined;
    let after: Cause | undefined;
    const stands = await changeCause(stream, (known) => {
      before = known;
      after = change(known);
      return after;
    });
    changed('cause', before, after);
    return stands;
  };
  const recordStream = streams.recordStream.bind(streams);
  streams.recordStream = async (stream, before) => {
    const known = (await streams.streams([stream.stream])).get(stream.stream);
    const isWritten = await recordStream(stream, before);
    if (isWritten) changed('stream', known, stream);
    return isWritten;
  };
  const record = rebuilds.record.bind(rebuilds);
  rebuilds.record = async (stream, rebuildId, change) => {
    let before: Rebuild | undefined;
    let after: Rebuild | undefined;
    const stands = await record(stream, rebuildId, (known) => {
      before = known;
      after = change(known);
      return after;
    });
    changed('rebuild', before, after);
    return stands;
  };
  const openClosure = rollouts.openClosure.bind(rollouts);
  rollouts.openClosure = async (closure) => {
    const known = (await Array.fromAsync(rollouts.closures(closure.cascadeId))).find(
      ({ stream }) => stream === closure.stream,
    );
    await openClosure(closure);
    if (!known) changed('closure', undefined, closure);
  };
  const changeClosure = rollouts.changeClosure.bind(rollouts);
  rollouts.changeClosure = async (cascadeId, stream, change) => {
    let before: Closure | undefined;
    let after: Closure | undefined;
    const stands = await changeClosure(cascadeId, stream, (known) => {
      before = known;
      after = change(known);
      return after;
    });
    changed('closure', before, after);
    return stands;
  };
  const changeDeployment = rollouts.changeDeployment.bind(rollouts);
  rollouts.changeDeployment = async (cascadeId, service, change) => {
    let before: Deployment | undefined;
    let after: Deployment | undefined;
    const stands = await changeDeployment(cascadeId, service, (known) => {
      before = known;
      after = change(known);
      return after;
    });
    changed('deployment', before, after);
    return stands;
  };
  const replace = denials.replace.bind(denials);
  denials.replace = async (expected) => {
    const known = await Array.fromAsync(denials.all());
    await replace(expected);
    for await (const after of denials.all())
      changed(
        'expected-denial',
        known.find((one) => isOfOneStart(one, after)),
        after,
      );
  };
  const finish = runs.finish.bind(runs);
  runs.finish = async (review) => {
    const before = await runs.get(review.runId);
    await finish(review);
    changed('run', before, review);
  };
}

const isOfOneStart = (one: ExpectedDenial, other: ExpectedDenial): boolean =>
  one.digest === other.digest && doorPlaceText(one.place) === doorPlaceText(other.place);

const recordOf = (kind: Change['kind'], record: Change['before']): LedgerRecord | undefined =>
  record === undefined ? undefined : ({ kind, record } as LedgerRecord);
