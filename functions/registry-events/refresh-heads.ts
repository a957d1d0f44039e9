import { mapConcurrently } from '../../shared/concurrency.ts';
import { isScanOpen, isUnjudged } from '../../shared/domain/cause/fact-status.ts';
import { searchAskedAfter, unplacedOf } from '../../shared/domain/cause/unplaced.ts';
import { type Digest, locationKey } from '../../shared/domain/image/image.ts';
import { isDue, SCAN_INTERVAL_MS } from '../../shared/domain/scan/scan-decision.ts';
import { unscannable } from '../../shared/domain/scan/scan-state.ts';
import { parseStreamId, streamRulesOf } from '../../shared/domain/stream/stream.ts';
import type { StreamRecord } from '../../shared/domain/stream/stream-record.ts';
import type { ImageRecord } from '../../shared/domain/verdict/image-record.ts';
import { imagesUnder } from '../../shared/inventory/index-images.ts';
import { readRepository } from '../../shared/inventory/repository.ts';
import { logger } from '../../shared/lambda/powertools.ts';
import type { LateHeadsLedger } from '../../shared/ports/late-heads.ts';
import type {
  FollowRequest,
  JudgeRequest,
  Messages,
  PlaceRequest,
  PlannerWaking,
  RefreshRequest,
} from '../../shared/ports/messages.ts';
import type { PolicyStore } from '../../shared/ports/policies.ts';
import type { GuardLedger } from '../../shared/ports/rebuilds.ts';
import { type PolicyInForce, policyInForce } from '../../shared/review/policy-in-force.ts';
import { isRefused } from '../../shared/review/scan-request.ts';
import type { AskWorld } from '../../shared/scanning/ask.ts';
import { askForScan } from '../../shared/scanning/ask-for-scan.ts';
import { type BasePorts, basesFirst } from './read-bases.ts';

const REPOSITORIES_AT_ONCE = 4;
const SCANS_AT_ONCE = 8;

export interface RefreshPorts extends BasePorts {
  readonly lateHeads: Pick<LateHeadsLedger, 'add'>;
  readonly policies: Pick<PolicyStore, 'current'>;
  readonly guards: Pick<GuardLedger, 'get' | 'change'>;
  readonly asking: AskWorld;
  readonly planner: Messages<PlannerWaking>;
  readonly judging: Messages<JudgeRequest>;
  readonly following: Messages<FollowRequest | PlaceRequest>;
}

export interface Asked {
  readonly messageId: string;
  readonly request: RefreshRequest;
}

export interface FailedRefresh {
  readonly messageId: string;
  readonly error: unknown;
}

/** Lists each repository once for all requests. @returns messages to deliver again */
export async function handleRefreshes(ports: RefreshPorts, asked: readonly Asked[]): Promise<readonly FailedRefresh[]> {
  if (asked.length === 0) return [];
  const policy = await policyInForce(ports.policies);
  const answered = asked.filter((one) => isAllowed(policy, one));
  const repositories = Map.groupBy(answered, ({ request }) => locationKey(parseStreamId(request.stream).location));
  const failed = await mapConcurrently([...repositories.values()], REPOSITORIES_AT_ONCE, async (together) => {
    try {
      await refreshTogether(ports, policy, together);
      return [];
    } catch (error) {
      return together.map(({ messageId }) => ({ messageId, error }));
    }
  });
  return failed.flat();
}

/**
 * A request for a verdict proves nothing, so only images in repositories of the policy become records. Without a readable
 * policy no repository is one, and the request comes again.
 */
function isAllowed({ policy, unreadable }: PolicyInForce, { request: { stream, judges } }: Asked): boolean {
  const { location } = parseStreamId(stream);
  if (!judges || streamRulesOf(policy, location).length > 0) return true;
  const why = unreadable ? unreadable.message : 'no rule of the policy names it';
  logger.warn(`Patchwave gives no verdict on an image in ${locationKey(location)}: ${why}.`);
  return false;
}

/**
 * Records the content of a repository. Waiting planners are answered even if the registry refuses. Without a policy no
 * head is known, so the planner gets no answer and asks again at its next plan (`lateHeads`).
 */
async function refreshTogether(ports: RefreshPorts, policy: PolicyInForce, together: readonly Asked[]): Promise<void> {
  const [first] = together;
  if (!first) return;
  const { location } = parseStreamId(first.request.stream);
  // Time before the read, because a push during it may be missed.
  const nowEpochMs = ports.clock();
  const digests = Object.fromEntries(
    together.flatMap(({ request: { digest } }) => (digest === undefined ? [] : [[digest, []]])),
  );
  // A request for a verdict may name any digest. A verification proves its digest by a build.
  const verified = new Set(together.flatMap(({ request: { digest, judges } }) => (judges ? [] : (digest ?? []))));
  const foreign = new Set(
    together.flatMap(({ request: { digest } }) => (digest === undefined || verified.has(digest) ? [] : [digest])),
  );
  const question = { location, isListed: true, newestOnly: true, digests, mustBeThere: foreign, tags: {} };
  const { failure } = await readRepository(ports, policy.policy, question, basesFirst(ports, policy.policy, location));
  if (failure && !failure.isRefusal) throw failure.error;
  const heads = together.filter(({ request: { digest } }) => digest === undefined);
  if (policy.unreadable) {
    if (heads.length > 0) await ports.lateHeads.add({ location, atEpochMs: nowEpochMs });
    return;
  }
  const streams = [...new Set(heads.map(({ request }) => request.stream))];
  if (failure) {
    logger.warn(`Patchwave cannot read ${locationKey(location)}: ${failure.detail}`);
    for (const stream of streams)
      await ports.guards.change(stream, (history) => ({ ...history, refreshRefusedAtEpochMs: nowEpochMs }));
    await notifyPlanner(ports, streams);
  } else {
    // Scans are requested first: a planner that wakes earlier would only wait again.
    const again = new Set(heads.flatMap(({ request }) => (request.scansAgain ? [request.stream] : [])));
    const unsearched = await askForHeads(ports, policy, { streams, again, owner: heads[0]?.messageId ?? '' });
    await rememberHeads(ports, streams, unsearched, nowEpochMs);
    await notifyPlanner(ports, streams);
  }
  // An image that cannot be read is judged too: its verdict says why it is unknown.
  await judgeAsked(ports, policy, together);
}

/**
 * Has the images scanned, placed and judged for whose verdicts somebody waits: no review covers an image that is neither in
 * use nor a head. A repetition requests no second scan within a day, and is how a lost event is made up for.
 */
async function judgeAsked(ports: RefreshPorts, { version }: PolicyInForce, asked: readonly Asked[]): Promise<void> {
  for (const { messageId, request } of asked) {
    const { digest, judges } = request;
    if (digest === undefined || judges === undefined) continue;
    const images = [...(await ports.images.get(await imagesUnder(ports.places, digest))).values()];
    const nowEpochMs = ports.clock();
    for (const image of images) {
      const needsScan = isUnjudged(image) || isScanOpen(image) || isDue(image.scan, nowEpochMs);
      if (!needsScan || image.scan.state === 'continuous' || unscannable(image)) continue;
      // A refused request started no scan, and its obstacle may be gone, so it is repeated within the day.
      const { requestedAtEpochMs = 0 } = image.scan;
      const notSinceEpochMs = isRefused(image) ? requestedAtEpochMs + 1 : nowEpochMs - SCAN_INTERVAL_MS + 1;
      const asking = { ...ports.asking, images: ports.images, clock: ports.clock };
      await askForScan(asking, image, { runId: messageId, atEpochMs: nowEpochMs, notSinceEpochMs }, version);
    }
    if (images.some(({ lineage }) => !lineage)) await ports.following.send([{ kind: 'place', digest }]);
    await ports.judging.send(images.map((image) => ({ kind: 'judge', digest: image.digest })));
  }
}

/**
 * Heads without lineage are sent to `lineage`: the first head of a stream has no event, and others may be lost. After a
 * search without result the interval grows (`searchAskedAfter`).
 */
async function rememberHeads(
  { guards, following }: RefreshPorts,
  streams: readonly string[],
  unsearched: ReadonlyMap<string, readonly Digest[]>,
  headReadAtEpochMs: number,
): Promise<void> {
  const histories = await guards.get([...unsearched.keys()]);
  const searchedBefore = (stream: string) => histories.get(stream)?.searchAsked;
  const due = streams.filter((stream) => {
    const asked = searchAskedAfter(searchedBefore(stream), unsearched.get(stream) ?? [], headReadAtEpochMs);
    return asked?.atEpochMs === headReadAtEpochMs;
  });
  // Sent before it is recorded: a crash in between repeats the search, and never loses it.
  await following.send(due.map((stream) => ({ kind: 'follow', stream })));
  for (const stream of streams)
    await guards.change(stream, ({ searchAsked: before, ...history }) => {
      const searchAsked = searchAskedAfter(before, unsearched.get(stream) ?? [], headReadAtEpochMs);
      return { ...history, headReadAtEpochMs, ...(searchAsked && { searchAsked }) };
    });
}

const notifyPlanner = ({ planner }: RefreshPorts, streams: readonly string[]): Promise<void> =>
  planner.send(streams.map((about) => ({ kind: 'refreshed', about })));

interface HeadsAsked {
  readonly streams: readonly string[];
  /** Streams whose heads are scanned again if the registry accepts a new request. */
  readonly again: ReadonlySet<string>;
  /** The requester: a redelivery after a crash may request again. */
  readonly owner: string;
}

/**
 * Requests scans of heads that are not judged, got their age later, or have an unfinished scan: a review covers only
 * running images and their ancestors. If the last scan does not let the planner decide, the head is scanned again. The
 * scan event has the head judged for the next plan. A registry scans an image once a day, so a refresh requests it at
 * most once a day. If a result exists already, no event follows, so the refresh requests the judgement itself.
 * @returns heads without lineage, by stream
 */
async function askForHeads(
  ports: RefreshPorts,
  { version }: PolicyInForce,
  { streams, again, owner }: HeadsAsked,
): Promise<ReadonlyMap<string, readonly Digest[]>> {
  const records = await ports.streams.streams(streams);
  const headsOf = ({ head }: StreamRecord) => Object.values(head?.images ?? {});
  const digests = [...records.values()].flatMap(headsOf);
  const mayBeOld = new Set([...records.values()].filter(({ stream }) => again.has(stream)).flatMap(headsOf));
  const nowEpochMs = ports.clock();
  const isOld = ({ digest, scan }: ImageRecord): boolean =>
    mayBeOld.has(digest) && (scan.state === 'continuous' || isDue(scan, nowEpochMs));
  const images = await ports.images.get([...new Set(digests)]);
  const isUnsearched = (digest: Digest): boolean => {
    const image = images.get(digest);
    return image !== undefined && unplacedOf(image)?.why === 'unsearched';
  };
  // Inspector takes no requests: what it knows by now only needs to be read.
  const isWatchedAnew = (image: ImageRecord): boolean => image.scan.state === 'continuous' && isOld(image);
  const unclear = [...images.values()].filter(
    (image) => isUnjudged(image) || isScanOpen(image) || isAgeUnjudged(image) || isOld(image),
  );
  const scanned = await mapConcurrently(unclear, SCANS_AT_ONCE, async (image) =>
    (await isResultThere(ports, owner, image, version)) || isWatchedAnew(image) ? [image.digest] : [],
  );
  await ports.judging.send(scanned.flat().map((digest) => ({ kind: 'judge', digest })));
  return new Map([...records.values()].map((record) => [record.stream, headsOf(record).filter(isUnsearched)]));
}

/** Its age is known, and its verdict lacks it: its lineage came later, or a scan was refused before it was judged anew. */
const isAgeUnjudged = ({ lineage, verdict }: ImageRecord): boolean =>
  lineage?.age.known === true && verdict?.reasons.some(({ kind }) => kind === 'age-unknown') === true;

/**
 * Judged under an unreadable policy, or before its properties or age changed. The old scan is good enough, and the
 * registry allows no new one on the same day.
 */
const isJudgedInVain = (image: ImageRecord): boolean =>
  image.judgedAtEpochMs === undefined ||
  image.verdict?.reasons.some(({ kind }) => kind === 'policy') === true ||
  isAgeUnjudged(image);

const isJudgedBefore = (image: ImageRecord): boolean => image.verdict !== undefined && isJudgedInVain(image);

/** Requests a scan of a head. @returns whether no scan starts, and a new judgement of the known result helps */
async function isResultThere(
  ports: RefreshPorts,
  owner: string,
  image: ImageRecord,
  policyVersion: string,
): Promise<boolean> {
  if (unscannable(image)) return isJudgedInVain(image);
  const nowEpochMs = ports.clock();
  const claim = { runId: owner, atEpochMs: nowEpochMs, notSinceEpochMs: nowEpochMs - SCAN_INTERVAL_MS + 1 };
  const asking = { ...ports.asking, images: ports.images, clock: ports.clock };
  const answer = await askForScan(asking, image, claim, policyVersion);
  if (answer) return answer.outcome === 'scanned' || (answer.outcome === 'refused' && isJudgedBefore(image));
  // No record of it exists: its message may be lost.
  if (image.scan.state === 'stale') return true;
  return !isScanOpen(image) && image.scan.completedAtEpochMs !== undefined && isJudgedInVain(image);
}
