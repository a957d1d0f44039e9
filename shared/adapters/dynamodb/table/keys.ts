import { createHash } from 'node:crypto';
import { type DeniedTask, deniedSubject, hourOf, type StartDenial } from '../../../domain/admission/start-denial.ts';
import type { TaskStop } from '../../../domain/admission/task-stop.ts';
import type { Digest, ImageLocation } from '../../../domain/image/image.ts';
import { locationKey } from '../../../domain/image/image.ts';
import { type EcsService, serviceKeyOf } from '../../../domain/image/service-at-zero.ts';
import type { Cluster, Usage } from '../../../domain/image/usage.ts';
import type { DoorPlace } from '../../../domain/policy/doors.ts';
import { keyOfScope, type Scope } from '../../../domain/review/run.ts';

/**
 * The ledger on one page: one table, every item's key, and every question the keys answer.
 *
 * | item            | PK                       | SK                                                   | asked by |
 * | --------------- | ------------------------ | ---------------------------------------------------- | -------- |
 * | image           | IMAGE#<digest>           | IMAGE                                                | BatchGet by digest |
 * | content         | IMAGE#<digest>           | CONTENT                                              | BatchGet by digest |
 * | location        | IMAGE#<digest>           | LOC#<account>/<region>/<repository>                  | Query of one image; BatchGet of many |
 * | usage           | IMAGE#<digest>           | USE#<account>/<region>/<cluster>#<workload>#<container>[#possible] | Query of one image; index `scope` |
 * | presence        | IMAGE#<digest>           | IN#<account>/<region>/<cluster>#<namespace, empty in ECS> | BatchGet: how it began there, and when it ended; Query of one image |
 * | index           | INDEX#<digest>           | INDEX                                                | BatchGet by digest; index `age` |
 * | tag             | TAG#<location>           | <tag>                                                | Get: what was last pushed under a tag |
 * | pushes of a tag | TAG#<location>           | <tag>#PUSHES                                         | Get: what was pushed under it, and when |
 * | stream          | STREAM#<id>              | STREAM                                               | BatchGet; index `open` |
 * | first seen      | STREAM#<id>              | SEEN#<piece>: the findings whose key falls into it   | Query of one stream |
 * | stream image    | STREAM#<id>              | IMG#<digest>                                         | Query of one stream |
 * | rebuild         | STREAM#<id>              | REBUILD#<rebuild id>                                 | Get; Query of one stream, newest first |
 * | lock            | STREAM#<id>              | OPEN                                                 | Get; index `open` |
 * | rebuild history | STREAM#<id>              | GUARD                                                | BatchGet |
 * | pipeline run    | BUILD#<runner>#<execution> | BUILD                                                | Get: which rebuild it belongs to |
 * | slot            | SLOT#<cap>               | <1 to the cap>                                       | Query of one cap |
 * | cause           | CAUSE#<stream>           | CAUSE                                                | BatchGet; index `open` |
 * | cascade         | CASCADE#<id>             | CASCADE                                              | Get; index `open` |
 * | node            | CASCADE#<id>             | NODE#<stream>                                        | Get; Query of one cascade |
 * | deployment      | CASCADE#<id>             | DEPLOY#<account>/<region>/<cluster>/<service>        | Get; Query of one cascade |
 * | environment stop | CASCADE#<id>            | STOP#<account>/<region>/<cluster>                    | Get: a deployment failed there |
 * | closure         | CLOSURE#<cascade>        | <stream>                                             | Get; Query of one cascade; index `open` |
 * | lease of planners | PLAN#CURRENT             | PLAN                                                 | conditional put |
 * | kill switch     | SWITCH                   | CURRENT                                              | Get |
 * | run             | RUN#<id>                 | RUN                                                  | Get |
 * | run part        | RUN#<id>                 | PART#<kind>#<key>                                    | Query of one run |
 * | abandoned run   | RUN#<id>                 | ABANDONED                                            | Get: before and after a run begins |
 * | lease of reviews| RUN#CURRENT              | RUN                                                  | conditional put |
 * | latest review   | RUN#LATEST               | RUN; FLEET: the latest of the whole fleet            | Get |
 * | scope           | SCOPES                   | <account>/<region>[/<EKS cluster>]                   | Query of all, or of the EKS clusters of one account and Region |
 * | schedules       | SCHEDULES#<account>/<region> | <piece>: those whose names fall into it          | Query of one account and Region; Get |
 * | service at zero | AT-ZERO                  | <account>/<region>/<cluster>/<service>               | Query of all, or of one account and Region; Get |
 * | base readings   | LINEAGE                  | READ                                                 | Get: which base and platform repositories were read |
 * | expiry          | EXPIRY#<location>        | <digest>                                             | Query of one repository; BatchGet of one image |
 * | lifecycle check | LIFECYCLE-CHECKS         | <location>                                           | Query of all; BatchGet |
 * | late heads      | LATE-HEADS               | <location>                                           | Query: repositories pushed to while no policy could be read |
 * | policy pointer  | POLICY                   | CURRENT                                              | Get |
 * | policy applied  | POLICY                   | APPLIED                                              | Get: whether a missing pointer is lost |
 * | break-glass     | DOOR#<account>/<region>/<cluster> | <namespace>: by its annotation; OPENED#<namespace, empty in ECS>: by a person | BatchGet: whether every image may start there; index `open` |
 * | past break-glass | DOOR#BREAK-GLASS         | <begin, ISO 8601>#<account>/<region>/<cluster>#<namespace> | Query of all: who opened what, ended ones too |
 * | stop of a task  | STOPS                    | <task ARN>                                           | Query of all: denied tasks to stop once their time is over |
 * | asked webhook   | WEBHOOKS                 | <account>/<region>/<cluster>                         | Get; Query of all: which cluster asked last, and by which path |
 * | denied start    | DENIED#<account>/<region>/<cluster> | START#<hour, ISO 8601>#<door>#<namespace, empty in ECS>#<digest, or hash of the name> | conditional put |
 * | denied task     | DENIED#<account>/<region>/<cluster> | TASK#<task ARN>                              | put |
 * | expected denial | DENIALS                  | <account>/<region>/<cluster>#<namespace, empty in ECS>#<digest> | Query of all: what a door will refuse |
 *
 * Indexes (sparse: an item is in an index exactly while it has the index's keys):
 * - `scope`    scopePk = USE#<account>/<region>[/<EKS cluster>]: live usages of one scope, with all their attributes;
 *              LEFT#<account>/<region>[/<EKS cluster>]: those of a scope that left.
 *              ENDED#<week>#<shard>: those that ended in a week, until they expire.
 * - `age`      agePk = AGE#<shard>, ageSk = <bornAt, ISO 8601>#<digest>: images in use and heads by the birth that
 *              counts, of themselves or of what they are built on, keys only.
 *              SCANNED#<shard> by <last scan result, ISO 8601>#<digest>: the other images with a verdict and a scan result.
 *              INDEXES#<shard> by <recordedAt, ISO 8601>#<digest>: indexes. Images get these keys with
 *              their next write, and indexes when their registry is read next, if an earlier version recorded them.
 *              INDEXED#<shard> by the same: indexes whose registry must be read again, as version 0.2.0 recorded them.
 * - `verdict`  verdictPk = VERDICT#<status>#<shard>, verdictSk = <digest>: violating and unknown images in use, keys only.
 * - `open`     openPk = OPEN#CAUSE, openSk = <stream>: causes that are not closed, keys only.
 *              Likewise OPEN#LOCK by stream, OPEN#CASCADE by id while one is planned or runs, OPEN#CLOSURE by cascade
 *              and stream, OPEN#BREAK-GLASS by place until a person ends it or it is deleted, and OPEN#STREAM by id: every
 *              stream, for it never closes.
 *              CHAIN#<chainId> by digest: images that others may be built on, by their layers, and contents of all images by
 *              what their layers unpack to, where that is another chain.
 *
 * Every item has a `kind`, and those that several writers change have a `rev` that grows with each write and is no
 * other write's.
 */
export const INDEXES = { scope: 'scope', age: 'age', verdict: 'verdict', open: 'open' } as const;

/** One partition takes about 1,000 writes a second; the fleet's images are spread over this many. */
export const INDEX_SHARDS = 8;

/** Partitions of the index `open`. */
export const OPEN = {
  cause: 'OPEN#CAUSE',
  lock: 'OPEN#LOCK',
  cascade: 'OPEN#CASCADE',
  closure: 'OPEN#CLOSURE',
  stream: 'OPEN#STREAM',
  breakGlass: 'OPEN#BREAK-GLASS',
} as const;

export interface Key {
  readonly PK: string;
  readonly SK: string;
}

export const image = (digest: Digest): Key => ({ PK: `IMAGE#${digest}`, SK: 'IMAGE' });
export const content = (digest: Digest): Key => ({ PK: `IMAGE#${digest}`, SK: 'CONTENT' });
export const location = (digest: Digest, location: ImageLocation): Key => ({
  PK: `IMAGE#${digest}`,
  SK: `LOC#${locationKey(location)}`,
});
export const usage = (usage: Usage): Key => ({
  PK: `IMAGE#${usage.digest}`,
  SK: `USE#${usage.account}/${usage.region}/${usage.cluster}#${usage.workloadKind}:${usage.workload}#${usage.container}${usage.isPossible ? '#possible' : ''}`,
});
export const runningImage = (digest: Digest, { account, region, cluster, namespace = '' }: DoorPlace): Key => ({
  PK: `IMAGE#${digest}`,
  SK: `IN#${account}/${region}/${cluster}#${namespace}`,
});
/** All of an image: what their sort keys begin with. */
export const presencesOf = (digest: Digest): Key => ({ PK: `IMAGE#${digest}`, SK: 'IN#' });
/** No name of a cluster holds a `#` or `/`. */
export function placeOfRunning({ SK }: Key): DoorPlace {
  const [where = '', namespace = ''] = SK.slice('IN#'.length).split('#');
  const [account = '', region = '', cluster = ''] = where.split('/');
  return { account, region, cluster, ...(namespace !== '' && { namespace }) };
}
export const index = (digest: Digest): Key => ({ PK: `INDEX#${digest}`, SK: 'INDEX' });
export const tag = (location: ImageLocation, tag: string): Key => ({ PK: `TAG#${locationKey(location)}`, SK: tag });
/** No tag holds a `#`. */
export const tagPushes = (location: ImageLocation, tag: string): Key => ({
  PK: `TAG#${locationKey(location)}`,
  SK: `${tag}#PUSHES`,
});
export const stream = (stream: string): Key => ({ PK: `STREAM#${stream}`, SK: 'STREAM' });
export const firstSeen = (stream: string, piece: number): Key => ({ PK: `STREAM#${stream}`, SK: `SEEN#${piece}` });
export const streamImage = (stream: string, digest: string): Key => ({ PK: `STREAM#${stream}`, SK: `IMG#${digest}` });
export const rebuild = (stream: string, rebuildId: string): Key => ({
  PK: `STREAM#${stream}`,
  SK: `REBUILD#${rebuildId}`,
});
export const lock = (stream: string): Key => ({ PK: `STREAM#${stream}`, SK: 'OPEN' });
export const rebuildHistory = (stream: string): Key => ({ PK: `STREAM#${stream}`, SK: 'GUARD' });
export const pipelineRun = (runner: string, executionId: string): Key => ({
  PK: `BUILD#${runner}#${executionId}`,
  SK: 'BUILD',
});
export const slot = (capName: string, slot: number): Key => ({ PK: `SLOT#${capName}`, SK: String(slot) });
export const cause = (stream: string): Key => ({ PK: `CAUSE#${stream}`, SK: 'CAUSE' });
export const cascade = (cascadeId: string): Key => ({ PK: `CASCADE#${cascadeId}`, SK: 'CASCADE' });
export const node = (cascadeId: string, stream: string): Key => ({ PK: `CASCADE#${cascadeId}`, SK: `NODE#${stream}` });
export const deployment = (cascadeId: string, service: string): Key => ({
  PK: `CASCADE#${cascadeId}`,
  SK: `DEPLOY#${service}`,
});
export const environmentStop = (cascadeId: string, environment: string): Key => ({
  PK: `CASCADE#${cascadeId}`,
  SK: `STOP#${environment}`,
});
export const closure = (cascadeId: string, stream: string): Key => ({ PK: `CLOSURE#${cascadeId}`, SK: stream });
export const planning: Key = { PK: 'PLAN#CURRENT', SK: 'PLAN' };
export const killSwitch: Key = { PK: 'SWITCH', SK: 'CURRENT' };
export const run = (runId: string): Key => ({ PK: `RUN#${runId}`, SK: 'RUN' });
export const runPart = (runId: string, kind: string, key: string): Key => ({
  PK: `RUN#${runId}`,
  SK: `PART#${kind}#${key}`,
});
export const abandonedRun = (runId: string): Key => ({ PK: `RUN#${runId}`, SK: 'ABANDONED' });
export const currentRun: Key = { PK: 'RUN#CURRENT', SK: 'RUN' };
export const latestRun: Key = { PK: 'RUN#LATEST', SK: 'RUN' };
export const latestFleetRun: Key = { PK: 'RUN#LATEST', SK: 'FLEET' };
export const scope = (scope: Scope): Key => ({ PK: 'SCOPES', SK: keyOfScope(scope) });
export const AT_ZERO = 'AT-ZERO';
export const serviceAtZero = (service: EcsService): Key => ({ PK: AT_ZERO, SK: serviceKeyOf(service) });
export const baseReadings: Key = { PK: 'LINEAGE', SK: 'READ' };
export const LIFECYCLE_CHECKS = 'LIFECYCLE-CHECKS';
export const lifecycleCheck = (location: ImageLocation): Key => ({ PK: LIFECYCLE_CHECKS, SK: locationKey(location) });
export const expiriesOf = (location: ImageLocation): string => `EXPIRY#${locationKey(location)}`;
export const expiry = (location: ImageLocation, digest: Digest): Key => ({ PK: expiriesOf(location), SK: digest });
export const LATE_HEADS = 'LATE-HEADS';
export const lateHeads = (location: ImageLocation): Key => ({ PK: LATE_HEADS, SK: locationKey(location) });
/** By the annotation of a namespace. @param place with a namespace: an ECS cluster has no annotation */
export const breakGlass = ({ account, region, cluster, namespace = '' }: DoorPlace): Key => ({
  PK: `DOOR#${account}/${region}/${cluster}`,
  SK: namespace,
});
/** By a person. No name of a namespace has a `#`. */
export const openedByPerson = ({ account, region, cluster, namespace = '' }: DoorPlace): Key => ({
  PK: `DOOR#${account}/${region}/${cluster}`,
  SK: `OPENED#${namespace}`,
});
export const BREAK_GLASSES = 'DOOR#BREAK-GLASS';
export const pastBreakGlass = (
  { account, region, cluster, namespace = '' }: DoorPlace,
  beganAtEpochMs: number,
): Key => ({
  PK: BREAK_GLASSES,
  SK: `${new Date(beganAtEpochMs).toISOString()}#${account}/${region}/${cluster}#${namespace}`,
});
export const WEBHOOKS = 'WEBHOOKS';
export const askedWebhook = ({ account, region, cluster }: Cluster): Key => ({
  PK: WEBHOOKS,
  SK: `${account}/${region}/${cluster}`,
});
/** No name of a namespace has a `#`. */
export const deniedStart = (denial: StartDenial): Key => {
  const { account, region, cluster, namespace = '' } = denial.place;
  const hour = new Date(hourOf(denial)).toISOString();
  return {
    PK: `DENIED#${account}/${region}/${cluster}`,
    SK: `START#${hour}#${denial.door}#${namespace}#${deniedSubject(denial)}`,
  };
};
export const deniedTask = ({ account, region, cluster, taskArn }: DeniedTask): Key => ({
  PK: `DENIED#${account}/${region}/${cluster}`,
  SK: `TASK#${taskArn}`,
});
export const DENIALS = 'DENIALS';
export const expectedDenial = ({ account, region, cluster, namespace = '' }: DoorPlace, digest: Digest): Key => ({
  PK: DENIALS,
  SK: `${account}/${region}/${cluster}#${namespace}#${digest}`,
});
export const TASK_STOPS = 'STOPS';
export const taskStop = ({ taskArn }: Pick<TaskStop, 'taskArn'>): Key => ({ PK: TASK_STOPS, SK: taskArn });
export const policy: Key = { PK: 'POLICY', SK: 'CURRENT' };
export const policyApplied: Key = { PK: 'POLICY', SK: 'APPLIED' };

export const scopePartition = (scope: Scope): string => `USE#${keyOfScope(scope)}`;

export const leftPartition = (scope: Scope): string => `LEFT#${keyOfScope(scope)}`;

/** Usages that ended in one week, which begins at an instant since 1970. */
export const endedPartition = (week: number, shard: number): string => `ENDED#${week}#${shard}`;

export const shardOf = (digest: Digest): number => placeOf(digest, INDEX_SHARDS);

/**
 * Sightings of one stream are kept in so many items: an image may bring 5,000 at once, and each item holds thousands. More
 * pieces would cost more calls, fewer would meet other writers more often.
 */
const FIRST_SEEN_PIECES = 8;

export const firstSeenPieceOf = (findingKey: string): number => placeOf(findingKey, FIRST_SEEN_PIECES);

export const schedulesPartition = ({ account, region }: Scope): string => `SCHEDULES#${account}/${region}`;
export const schedules = (scope: Scope, piece: number): Key => ({ PK: schedulesPartition(scope), SK: String(piece) });

/** 10,000 schedules of an account and Region with usual names fit into so many items. */
const SCHEDULE_PIECES = 16;
export const schedulePieces: readonly number[] = Array.from({ length: SCHEDULE_PIECES }, (_, piece) => piece);
export const schedulePieceOf = (schedule: string): number => placeOf(schedule, SCHEDULE_PIECES);

const placeOf = (text: string, places: number): number =>
  createHash('sha256').update(text).digest().readUInt32BE(0) % places;
