import { type Digest, type ImageLocation, locationKey } from '../../shared/domain/image/image.ts';
import { decideHint } from '../../shared/domain/scan/collected-hints.ts';
import { unscannable } from '../../shared/domain/scan/scan-state.ts';
import type { ImageRecord } from '../../shared/domain/verdict/image-record.ts';
import { ecrImageScan } from '../../shared/events/ecr-image-scan.ts';
import { inspectorCoverage, inspectorFinding, inspectorScan } from '../../shared/events/inspector.ts';
import {
  type JudgeImagesPorts,
  judgeImages,
  type Learnt,
  learnKept,
  type Target,
} from '../../shared/judging/judge-images.ts';
import { isOwnMessage, readBody, setAside } from '../../shared/lambda/queue-messages.ts';
import type { DeadLetters } from '../../shared/ports/dead-letters.ts';
import { ImageChangedError } from '../../shared/ports/errors.ts';
import type { PolicyStore } from '../../shared/ports/policies.ts';
import type { Scanner } from '../../shared/ports/scanner.ts';
import { policyInForce } from '../../shared/review/policy-in-force.ts';
import { readAnywhere } from '../../shared/scanning/read.ts';
import * as v from '../../shared/schema.ts';
import { countDoubts, type DoubtPorts } from './count-doubts.ts';
import { judgeRequest, type ScanEventMessage } from './input.ts';

export interface ScanEventPorts extends JudgeImagesPorts, DoubtPorts {
  readonly policies: Pick<PolicyStore, 'current' | 'history'>;
  readonly scanner: Scanner;
  readonly deadLetters: DeadLetters;
}

/** Result of a batch of messages; `failed` ones are delivered again. */
export interface HandledEvents {
  readonly judged: number;
  /** Hints of Amazon Inspector without a read of their own: an earlier read was enough, or a later one will be. */
  readonly collected: number;
  /** Images that no review has found, which are not judged. */
  readonly notOurs: number;
  /** Permanently invalid messages, kept for a person with the reason. */
  readonly setAside: number;
  readonly failed: readonly { readonly messageId: string; readonly error: unknown }[];
  /** Hints that wait in the queue: each is delivered again, and the others of its image with it. */
  readonly waiting: readonly string[];
}

/**
 * Judges the images named by scan events and by other functions. A message only triggers a read: its findings are never
 * trusted, so order and number do not matter. A message that fails stops no other.
 */
export async function handleScanEvents(
  ports: ScanEventPorts,
  messages: readonly ScanEventMessage[],
): Promise<HandledEvents> {
  const parsed = messages.map((message) => ({ message, ...readBody(message.body, schemaOf) }));
  const received = parsed.flatMap(({ message, value: event }) => (event ? [{ message, event }] : []));
  const unreadable = parsed.flatMap(({ message, problem }) => (problem ? [{ message, problem }] : []));
  const lost = await setAside(ports.deadLetters, unreadable);

  const images = await ports.images.get(received.map(({ event }) => event.digest));
  const ours = received.filter(({ event }) => images.has(event.digest));
  const { now: judged, waiting } = sortHints(images, ours, ports.clock());
  const errors = await judgeScanned(
    ports,
    images,
    judged.map(({ event }) => event),
  );
  const undone = judged.flatMap(({ message: { messageId }, event: { digest } }) =>
    errors.has(digest) ? [{ messageId, error: errors.get(digest) }] : [],
  );
  return {
    judged: judged.length - undone.length,
    collected: ours.length - judged.length,
    notOurs: received.length - ours.length,
    setAside: unreadable.length - lost.length,
    failed: [...lost, ...undone],
    waiting,
  };
}

/** An image, and the location of its scan if an event names it. */
interface ScanResultEvent {
  readonly digest: Digest;
  readonly location?: ImageLocation;
  /** Present if Amazon ECR itself scanned it. */
  readonly scannedByEcrAtEpochMs?: number;
  /** Present in one of many hints: a read after this instant is enough. */
  readonly newsAtEpochMs?: number;
}

interface ReceivedHint {
  readonly message: ScanEventMessage;
  readonly event: ScanResultEvent;
}

interface EventKind {
  readonly detailType: string;
  readonly schema: v.GenericSchema<unknown, ScanResultEvent>;
}

/** Amazon ECR sends it for its own scans only; Amazon Inspector sends others. */
const SCANNED_BY_ECR: EventKind = {
  detailType: ecrImageScan.detailType,
  schema: v.pipe(
    ecrImageScan.schema,
    v.transform(({ digest, location, atEpochMs }) => ({ digest, location, scannedByEcrAtEpochMs: atEpochMs })),
  ),
};

/** Findings come by thousands. The end of a first scan comes once, and its image is read in any case. */
const COLLECTED = [inspectorFinding, inspectorCoverage].map(
  ({ detailType, schema }): EventKind => ({
    detailType,
    schema: v.pipe(
      schema,
      v.transform(({ atEpochMs, ...image }) => ({ ...image, newsAtEpochMs: atEpochMs })),
    ),
  }),
);
const KINDS: readonly EventKind[] = [SCANNED_BY_ECR, inspectorScan, ...COLLECTED];

function schemaOf(json: unknown): v.GenericSchema<unknown, ScanResultEvent> {
  if (isOwnMessage(json)) return judgeRequest;
  const said = json instanceof Object && 'detail-type' in json ? json['detail-type'] : undefined;
  // An unknown event is refused as the most common type, with the problem.
  return (KINDS.find(({ detailType }) => detailType === said) ?? SCANNED_BY_ECR).schema;
}

/**
 * Leaves out hints that need no read now: thousands of findings of one image need few reads. Of the hints about an image
 * that wait, the latest stays in the queue.
 */
function sortHints(
  images: ReadonlyMap<Digest, ImageRecord>,
  received: readonly ReceivedHint[],
  nowEpochMs: number,
): { readonly now: readonly ReceivedHint[]; readonly waiting: readonly string[] } {
  const latest = new Map<Digest, { readonly messageId: string; readonly newsAtEpochMs: number }>();
  const now = received.filter(({ message: { messageId }, event: { digest, newsAtEpochMs } }) => {
    const image = images.get(digest);
    if (newsAtEpochMs === undefined || !image) return true;
    const decision = decideHint(image, newsAtEpochMs, nowEpochMs);
    if (decision === 'collect' && newsAtEpochMs >= (latest.get(digest)?.newsAtEpochMs ?? 0))
      latest.set(digest, { messageId, newsAtEpochMs });
    return decision === 'read';
  });
  const readNow = new Set(now.map(({ event }) => event.digest));
  const waiting = [...latest].flatMap(([digest, { messageId }]) => (readNow.has(digest) ? [] : [messageId]));
  return { now, waiting };
}

/**
 * Judges each image once, however many events name it. It retries at once if the properties changed meanwhile, because
 * a failed message returns much later.
 * @returns errors by digest
 */
async function judgeScanned(
  ports: ScanEventPorts,
  images: ReadonlyMap<Digest, ImageRecord>,
  events: readonly ScanResultEvent[],
): Promise<ReadonlyMap<Digest, unknown>> {
  if (events.length === 0) return new Map();
  for (const { location, scannedByEcrAtEpochMs } of events)
    if (location && scannedByEcrAtEpochMs !== undefined) ports.scanner.scannedByEcr(location, scannedByEcrAtEpochMs);
  const policy = await policyInForce(ports.policies);
  const places = Map.groupBy(events, ({ digest }) => digest);
  const errors = new Map<Digest, unknown>();
  const judged: ImageRecord[] = [];
  let left: ReadonlyMap<Digest, ImageRecord> = images;
  for (let attempt = 1; attempt <= ports.retry.attempts && left.size > 0; attempt += 1) {
    if (attempt > 1) await ports.retry.wait(attempt - 1);
    const targets = [...left.values()].map((image) => targetOf(ports, image, places.get(image.digest) ?? []));
    const outcomes = await judgeImages(ports, policy, targets);
    for (const digest of left.keys()) errors.delete(digest);
    for (const [digest, outcome] of outcomes)
      if ('error' in outcome) errors.set(digest, outcome.error);
      else judged.push(outcome.image);
    const outdated = [...errors].flatMap(([digest, error]) => (error instanceof ImageChangedError ? [digest] : []));
    left = await ports.images.get(outdated);
  }
  await countDoubts(ports, policy.policy, judged);
  return errors;
}

function targetOf(ports: ScanEventPorts, image: ImageRecord, events: readonly ScanResultEvent[]): Target {
  const locations = inOrder(
    image.locations,
    events.flatMap(({ location }) => location ?? []),
  );
  // If no result can be read, the event changes nothing.
  const learn = (): Promise<Learnt> =>
    unscannable(image) ? learnKept(ports.evidence, image) : readAnywhere(ports.scanner, locations, image);
  return { image, learn };
}

/**
 * The location of the scan comes first, because scanners keep a result for each location. Unknown locations are not
 * read.
 */
function inOrder(known: readonly ImageLocation[], reported: readonly ImageLocation[]): readonly ImageLocation[] {
  const named = new Set(reported.map(locationKey));
  const isNamed = (location: ImageLocation): boolean => named.has(locationKey(location));
  return [...known.filter(isNamed), ...known.filter((location) => !isNamed(location))];
}
