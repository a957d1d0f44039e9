import type { ExpectedDenial } from '../../../domain/admission/expected-denial.ts';
import type { DeniedTask, StartDenial } from '../../../domain/admission/start-denial.ts';
import type { TaskStop } from '../../../domain/admission/task-stop.ts';
import type { Cascade, CascadeNode, Closure } from '../../../domain/cause/cascade.ts';
import type { Cause } from '../../../domain/cause/cause.ts';
import type { Rebuild, RebuildHistory, StreamLock } from '../../../domain/cause/rebuild.ts';
import type { Digest } from '../../../domain/image/image.ts';
import type { LocationRecord } from '../../../domain/image/image-properties.ts';
import type { ServiceAtZero } from '../../../domain/image/service-at-zero.ts';
import type { Usage } from '../../../domain/image/usage.ts';
import type { BaseReadings } from '../../../domain/lineage/base-readings.ts';
import type { ImageContent } from '../../../domain/lineage/image-content.ts';
import type { KillSwitch } from '../../../domain/policy/kill-switch.ts';
import type { StreamRecord } from '../../../domain/stream/stream-record.ts';
import type { ImageRecord } from '../../../domain/verdict/image-record.ts';
import type { StoredAskedWebhook, StoredBreakGlass, StoredPastBreakGlass } from '../../../ports/admission.ts';
import type { LateHeads } from '../../../ports/late-heads.ts';
import type { ScopeRecord } from '../../../ports/ledger.ts';
import type { KnownSchedule } from '../../../ports/starts.ts';

/* The member types of stored records. A record written by another version or by hand is found here, and not in later
 * code: the check costs nothing beside the read. */

type Kind = 'text' | 'number' | 'flag' | 'list' | 'record';
/** As a person reads them in a problem. */
const WORDS: Readonly<Record<Kind | 'unknown', string>> = {
  text: 'text',
  number: 'a number',
  flag: 'true or false',
  list: 'a list',
  record: 'an object',
  unknown: 'something else',
};

type KindOf<Member> = Member extends string
  ? 'text'
  : Member extends number
    ? 'number'
    : Member extends boolean
      ? 'flag'
      : Member extends readonly unknown[]
        ? 'list'
        : 'record';

/** The kind of each member, with a question mark where the member may be absent: the compiler holds it to the type. */
export type ShapeOf<Stored> = {
  readonly [Name in keyof Stored]-?: undefined extends Stored[Name]
    ? `${KindOf<Exclude<Stored[Name], undefined>>}?`
    : KindOf<Stored[Name]>;
};
type Shape = Readonly<Record<string, Kind | `${Kind}?`>>;

const lock: ShapeOf<StreamLock> = {
  ...{ stream: 'text', rebuildId: 'text', cascadeId: 'text', executionArn: 'text', attempt: 'number' },
  ...{ deadlineEpochMs: 'number', taskToken: 'text?' },
};
const rebuild: ShapeOf<Rebuild> = {
  ...{ rebuildId: 'text', stream: 'text', cascadeId: 'text', attempt: 'number', pipeline: 'record', facts: 'list' },
  ...{ reservedAtEpochMs: 'number', startingAtEpochMs: 'number?', executionId: 'text?', deadlineEpochMs: 'number' },
  ...{ approvalMs: 'number?', parked: 'record?', headBefore: 'text?', parentHead: 'text?', parents: 'text?' },
  ...{
    factsOfOthers: 'list?',
    builtOn: 'record?',
    build: 'record?',
    pinned: 'list?',
    unreadRegistries: 'list?',
    verifyingSinceEpochMs: 'number?',
    output: 'text?',
    outcome: 'record?',
  },
  ...{ reported: 'list?', refusedClaims: 'list?', outputTags: 'list?' },
  ...{ reconfirms: 'flag?', promotes: 'flag?', promotedAtEpochMs: 'number?', takenOverFrom: 'text?' },
  ...{ resumesUnscanned: 'flag?', endedAtEpochMs: 'number?', outputProvenAtEpochMs: 'number?' },
};
const cause: ShapeOf<Cause> = {
  ...{ stream: 'text', facts: 'list', sinceEpochMs: 'number', version: 'number', state: 'text' },
  ...{ takenBy: 'record?', answer: 'record?' },
};
const cascade: ShapeOf<Cascade> = {
  ...{ cascadeId: 'text', policyVersion: 'text', plannedAtEpochMs: 'number', deadlineEpochMs: 'number' },
  ...{ executionArn: 'text?', state: 'text', streams: 'number', endedAtEpochMs: 'number?', failure: 'record?' },
};
const node: ShapeOf<CascadeNode> = {
  ...{ cascadeId: 'text', stream: 'text', work: 'text', wave: 'number', parents: 'list?', follows: 'flag?' },
  ...{
    causeVersion: 'number?',
    facts: 'list',
    factsOfOthers: 'list?',
    holders: 'list',
    headBefore: 'text?',
    state: 'text',
  },
  ...{ rebuildId: 'text?', resumes: 'text?', output: 'text?', outputs: 'list?', outcome: 'record?', answer: 'record?' },
  unreadable: 'list?',
};
const history: ShapeOf<Omit<RebuildHistory, 'unreadable'>> = {
  ...{ stream: 'text', generation: 'number', failuresInARow: 'number', lastStartedAtEpochMs: 'number?' },
  ...{ lastEndedAtEpochMs: 'number?', lastSettledRebuildId: 'text?', survived: 'list', tried: 'list?' },
  ...{ pinnedTo: 'list?', startUnknown: 'record?', reset: 'record?', headReadAtEpochMs: 'number?' },
  ...{ refreshRequestedAtEpochMs: 'number?', awaitsHeadsSinceEpochMs: 'number?', refreshRefusedAtEpochMs: 'number?' },
  ...{ searchAsked: 'record?', unverifiedInARow: 'number?', unscanned: 'record?', brokenOff: 'record?' },
};
const stream: ShapeOf<StreamRecord> = {
  ...{ stream: 'text', tier: 'text', owner: 'text', location: 'record', headTag: 'text', head: 'record?' },
};
const streamImage: ShapeOf<StreamImage> = { digest: 'text', pushedAtEpochMs: 'number?' };
const killSwitch: ShapeOf<KillSwitch> = { rebuilding: 'text', by: 'text', atEpochMs: 'number', reason: 'text' };
type ClosureBasics = Pick<
  Closure,
  'cascadeId' | 'stream' | 'facts' | 'output' | 'sinceEpochMs' | 'deadlineEpochMs' | 'state' | 'nothingRunsSinceEpochMs'
>;
const closure: ShapeOf<ClosureBasics> = {
  ...{ cascadeId: 'text', stream: 'text', facts: 'list', output: 'text', sinceEpochMs: 'number' },
  ...{ deadlineEpochMs: 'number', state: 'text', nothingRunsSinceEpochMs: 'number?' },
};
type ImageBasics = Pick<
  ImageRecord,
  'digest' | 'tier' | 'stream' | 'inUse' | 'isHead' | 'birth' | 'locations' | 'scan'
>;
const image: ShapeOf<ImageBasics> = {
  ...{ digest: 'text', tier: 'text', stream: 'text?', inUse: 'flag', isHead: 'flag', birth: 'record' },
  ...{ locations: 'list', scan: 'record' },
};

const content: ShapeOf<ImageContent> = {
  ...{ digest: 'text', layers: 'list', diffIds: 'list?', history: 'list?', labels: 'record?', materials: 'list?' },
};
const location: ShapeOf<LocationRecord> = {
  ...{ digest: 'text', location: 'record', tags: 'list', askedTags: 'list?' },
  ...{ firstPushSeenAtEpochMs: 'number?', lastPushSeenAtEpochMs: 'number?', thereSinceEpochMs: 'number?' },
};
const usage: ShapeOf<Usage> = {
  ...{ account: 'text', region: 'text', cluster: 'text', digest: 'text', workloadKind: 'text', workload: 'text' },
  ...{ container: 'text', reference: 'text?', otherReferences: 'list?', digestSource: 'text', count: 'number' },
  isPossible: 'flag?',
};
const scope: ShapeOf<Omit<ScopeRecord, 'isUnreadable'>> = {
  ...{ scope: 'record', completeAtEpochMs: 'number?', includesStopping: 'flag?', includesEks: 'flag?' },
  ...{ isPrivate: 'flag?', includesStanding: 'flag?', unreadSources: 'list?', hasServicesAtZero: 'flag?' },
  ...{ unidentified: 'list?', markingRunId: 'text?', podCreatedAtEpochMs: 'number?' },
  ...{ emptyUntilEpochMs: 'number?', failure: 'record?', left: 'record?' },
};

const breakGlass: ShapeOf<StoredBreakGlass> = {
  ...{
    place: 'record?',
    author: 'text',
    reason: 'text',
    expiresAtEpochMs: 'number',
    by: 'text',
    beganAtEpochMs: 'number',
  },
  ...{ proof: 'text?', endedAtEpochMs: 'number?', endedBy: 'text?', isClosed: 'flag?' },
  ...{ requests: 'list', expiresAt: 'number' },
};
const pastBreakGlass: ShapeOf<StoredPastBreakGlass> = {
  ...{ place: 'record', author: 'text', reason: 'text', expiresAtEpochMs: 'number', by: 'text' },
  ...{ beganAtEpochMs: 'number', proof: 'text?', endedAtEpochMs: 'number?', endedBy: 'text?', expiresAt: 'number' },
};

const expectedDenial: ShapeOf<ExpectedDenial> = {
  ...{ place: 'record', digest: 'text', owner: 'text?', workloads: 'list', workloadCount: 'number' },
  ...{ ruleId: 'text', message: 'text', deniedFromEpochMs: 'number', foundAtEpochMs: 'number' },
};
const taskStop: ShapeOf<TaskStop> = {
  ...{ account: 'text', region: 'text', cluster: 'text', taskArn: 'text', deniedAtEpochMs: 'number' },
  ...{ triedAtEpochMs: 'number?', decided: 'record?' },
};
const askedWebhook: ShapeOf<StoredAskedWebhook> = {
  ...{ cluster: 'record', lastAskedAtEpochMs: 'number', sharedSecretAtEpochMs: 'number?', expiresAt: 'number' },
};
const startDenial: ShapeOf<StartDenial> = {
  ...{ door: 'text', place: 'record', reference: 'text?', digest: 'text?', owner: 'text?', workload: 'text?' },
  ...{ ruleId: 'text', message: 'text', headToDeploy: 'text?', deniedAtEpochMs: 'number' },
};
const deniedTask: ShapeOf<DeniedTask> = {
  ...{ account: 'text', region: 'text', cluster: 'text', taskArn: 'text', group: 'text?', container: 'text?' },
  ...{ ruleId: 'text', message: 'text', state: 'text', stopsAtEpochMs: 'number?' },
};
const lateHeads: ShapeOf<LateHeads> = { location: 'record', atEpochMs: 'number' };
const schedules: ShapeOf<StoredSchedules> = { schedules: 'list' };
const serviceAtZero: ShapeOf<StoredServiceAtZero> = {
  ...{
    account: 'text',
    region: 'text',
    cluster: 'text',
    service: 'text',
    sinceEpochMs: 'number',
    isScheduled: 'flag?',
  },
  ...{ confirmed: 'record?', ended: 'record?', expiresAt: 'number?' },
};
const baseReadings: ShapeOf<BaseReadings> = {
  read: 'record',
  unread: 'list',
  unreadSince: 'record?',
  placedApart: 'record?',
};

const SHAPES: Readonly<Record<string, Shape>> = {
  ...{ content, location, usage, scope, 'break-glass': breakGlass, 'past-break-glass': pastBreakGlass },
  ...{ lock, rebuild, cause, cascade, 'cascade-node': node, 'rebuild-history': history, stream, closure, image },
  ...{ 'stream-image': streamImage, 'kill-switch': killSwitch, 'base-readings': baseReadings, 'late-heads': lateHeads },
  ...{ 'start-denial': startDenial, 'denied-task': deniedTask, 'expected-denial': expectedDenial },
  ...{ 'asked-webhook': askedWebhook, 'task-stop': taskStop, schedules, 'service-at-zero': serviceAtZero },
};

/** Lists whose elements say by their `kind` what they are. */
const OF_KINDS: ReadonlySet<string> = new Set(['facts']);

/** The problem of a record, in a sentence; `undefined` if there is none. */
export function problemOf(kind: string, record: Readonly<Record<string, unknown>>): string | undefined {
  for (const [name, expected] of Object.entries(SHAPES[kind] ?? {})) {
    const member = record[name];
    const found = kindOf(member);
    if (found === undefined && expected.endsWith('?')) continue;
    if (found !== expected.replace('?', ''))
      return found === undefined
        ? `\`${name}\` is missing`
        : `\`${name}\` must be ${WORDS[expected.replace('?', '') as Kind]}, not ${WORDS[found]}`;
    const isNamed = (one: unknown) => kindOf((one as { kind?: unknown } | null)?.kind) === 'text';
    if (OF_KINDS.has(name) && !(member as readonly unknown[]).every(isNamed))
      return `an element of \`${name}\` has no \`kind\``;
  }
  return undefined;
}

function kindOf(value: unknown): Kind | 'unknown' | undefined {
  if (value === undefined) return undefined;
  if (typeof value === 'string') return 'text';
  if (typeof value === 'number') return 'number';
  if (typeof value === 'boolean') return 'flag';
  if (Array.isArray(value)) return 'list';
  return typeof value === 'object' && value !== null ? 'record' : 'unknown';
}

/** Schedules of an account and Region, those of one piece. */
export interface StoredSchedules {
  readonly schedules: readonly KnownSchedule[];
}

/** One that ended has an expiry. */
export interface StoredServiceAtZero extends ServiceAtZero {
  readonly expiresAt?: number;
}

export interface StreamImage {
  readonly digest: Digest;
  readonly pushedAtEpochMs?: number;
}
