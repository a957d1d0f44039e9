import { type RootCause, rootCausesOf } from '../attribution/root-cause.ts';
import type { AttributedImage, AttributionInputs } from '../attribution/stream-path.ts';
import { type Cause, type CauseFact, factKey, factsFor, mergeCause } from '../cause/cause.ts';
import { classifyFact, type JudgedImage, type StreamImagesSeen } from '../cause/fact-status.ts';
import { nextUnreadOf, unplacedOf } from '../cause/unplaced.ts';
import { compareTexts } from '../common/compare-texts.ts';
import type { Digest, Platform } from '../image/image.ts';
import type { Parent } from '../lineage/parent.ts';
import type { ImageRecord } from '../verdict/image-record.ts';
import type { FoundWork, RootStream } from './report.ts';

/** A preview does not write to the ledger, so its findings are collected from the images themselves. */
export interface FoundBuilder {
  add(image: ImageRecord): void;
  /** The open causes that a review would record. */
  causes(): readonly Cause[];
  /** @param modeOf the mode of a stream in the policy */
  work(modeOf: (stream: string) => RootStream['mode']): FoundWork;
}

/** @param known open causes of the ledger */
export function startFound(known: readonly Cause[]): FoundBuilder {
  const images = new Map<Digest, AttributedImage>();
  const parents = new Map<Digest, Parent>();
  const streams = new Map<string, Members>();
  const found = new Map(known.map((cause) => [cause.stream, cause]));
  return {
    add(image) {
      const { digest, verdict, lineage, stream } = image;
      images.set(digest, knownImage(image));
      if (lineage?.parent) parents.set(digest, lineage.parent);
      if (stream === undefined) return;
      const members = streams.get(stream) ?? { head: {}, inUse: [] };
      streams.set(stream, members);
      if (image.isHead) members.head[image.platform ?? 'unknown/unreadable'] = digest;
      else if (image.inUse) members.inUse.push(digest);
      for (const { facts } of verdict ? factsFor({ image, verdict }) : []) {
        const cause = mergeCause(stream, found.get(stream), facts);
        if (cause) found.set(stream, cause);
      }
    },
    causes: () => [...found.values()],
    work: (modeOf) => workOf(found.values(), { images, parents, streams }, modeOf),
  };
}

interface Members {
  readonly head: Record<Platform, Digest>;
  readonly inUse: Digest[];
}

/** For an application only images with a cause are kept, because a fleet has thousands. */
function knownImage(image: ImageRecord): AttributedImage {
  const { digest, stream, platform, tier, verdict, judgedAtEpochMs } = image;
  const [unplaced, nextUnread] = [unplacedOf(image), nextUnreadOf(image)];
  const reasons = verdict?.reasons.filter(
    ({ effect }) => tier !== 'application' || effect === 'violates' || effect === 'unknown',
  );
  return {
    digest,
    ...(stream !== undefined && { stream }),
    ...(platform && { platform }),
    ...(verdict && reasons && { verdict: { ...verdict, reasons } }),
    ...(judgedAtEpochMs !== undefined && { judgedAtEpochMs }),
    ...(unplaced && { unplaced }),
    ...(nextUnread && { nextUnread }),
  };
}

type Asked = Map<string, { readonly facts: CauseFact[]; readonly streams: Set<string> }>;

function workOf(
  causes: Iterable<Cause>,
  fleet: Omit<AttributionInputs, 'streams'> & { readonly streams: ReadonlyMap<string, Members> },
  modeOf: (stream: string) => RootStream['mode'],
): FoundWork {
  const known = withHeads(fleet);
  const [asked, toDeploy, unclear]: [Asked, Set<string>, Set<string>] = [new Map(), new Set(), new Set()];
  const seen = (digest: Digest): JudgedImage => fleet.images.get(digest) ?? { digest };
  for (const { stream, facts } of causes) {
    const members = { stream, ...membersOf(fleet.streams.get(stream), seen) };
    const rootCauseOf = rootCausesOf(members, known);
    for (const fact of facts) {
      const wants = classifyFact(fact, members);
      const rootCause = wants === 'rebuild' ? rootCauseOf(fact) : undefined;
      if (wants === 'deploy') toDeploy.add(stream);
      else if (wants === 'unknown' || rootCause?.kind === 'pending') unclear.add(stream);
      for (const root of rootCause ? rootsOf(rootCause, stream) : []) ask(asked, root, fact, stream);
    }
  }
  const rootStreams = Array.from(asked, ([stream, { facts, streams }]) => ({
    ...{ stream, mode: modeOf(stream), streams: streams.size },
    findings: new Set(facts.filter(({ kind }) => kind === 'finding').map(factKey)).size,
    tooOld: facts.some(({ kind }) => kind === 'age'),
  }));
  return {
    rootStreams: rootStreams.sort(
      (one, other) => other.streams - one.streams || compareTexts(one.stream, other.stream),
    ),
    toDeploy: [...toDeploy].sort(compareTexts),
    unclear: [...unclear].sort(compareTexts),
  };
}

/** Registries of applications are not listed: without a head, the running image stands in. */
function membersOf(members: Members | undefined, seen: (digest: Digest) => JudgedImage): StreamImagesSeen {
  const { head = {}, inUse = [] } = members ?? {};
  const heads = Object.values(head).map(seen);
  const running = inUse.map(seen);
  if (heads.length > 0) return { heads, inUse: running };
  return running.length > 0 ? { heads: running, inUse: [] } : { inUse: [] };
}

function withHeads({
  streams,
  ...fleet
}: Omit<AttributionInputs, 'streams'> & { readonly streams: ReadonlyMap<string, Members> }): AttributionInputs {
  const heads = Array.from(streams, ([stream, { head }]) => [stream, { head: { images: head } }] as const);
  // For a stream without a found head it is unknown whether it has one.
  return { ...fleet, streams: new Map(heads.filter(([, { head }]) => Object.keys(head.images).length > 0)) };
}

const rootsOf = (rootCause: RootCause, stream: string): readonly string[] => {
  if (rootCause.kind === 'own') return [stream];
  return rootCause.kind === 'below' ? rootCause.paths.flatMap((way) => way.slice(0, 1)) : [];
};

function ask(asked: Asked, root: string, fact: CauseFact, stream: string): void {
  const atRoot = asked.get(root) ?? { facts: [], streams: new Set([root]) };
  atRoot.facts.push(fact);
  atRoot.streams.add(stream);
  asked.set(root, atRoot);
}
