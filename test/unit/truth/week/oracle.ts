import type { PolicyText, Records, Start, TrueCopy, TrueSpan, TrueStay, WeekImage } from './records.ts';

/*
 * What a door owes a start, from the truth alone. `must-start`: the image is in good standing in the place, and every grace that it
 * may need goes on · `must-not-start`: it is in no good standing, and is forbidden · `must-end`: a grace is over ·
 * `is-free`: nothing forbids it · `open`: Patchwave cannot know enough for one answer.
 */
export type Due = 'must-start' | 'must-not-start' | 'must-end' | 'is-free' | 'open';

export interface OwedStart {
  readonly due: Due;
  readonly why: string;
  /** What the grace of each kind rests on, where the image starts by its standing. */
  readonly carriedBy: readonly Objection['kind'][];
  /** A doubt about it that Patchwave knows for certain, with the instants between which it must raise the alarm. */
  readonly alarm?: TrueSpan;
}

interface Objection {
  readonly kind: 'fact' | 'doubt' | 'rule';
  readonly what: string;
  /** The earliest instant from which the grace may count. */
  readonly sinceEpochMs: number;
  /** From then on Patchwave knows it for certain; absent where it may never learn of it. */
  readonly certainFromEpochMs?: number;
  /** The latest instant from which the grace may count. */
  readonly latestEpochMs?: number;
}

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
/** What runs again so soon did not stop running: a pod was replaced. */
const REPLACED_WITHIN_MS = 15 * MINUTE_MS;
/** An event of a scan, or of a push, is judged by then. */
const JUDGED_WITHIN_MS = HOUR_MS;
/** And what runs is read. */
const REVIEWED_WITHIN_MS = 26 * HOUR_MS;
/** How long before the end of a grace a review announces it. */
export const NOTICE_MS = 5 * DAY_MS;

interface Objecting {
  /** From then on the grace counts. */
  readonly sinceEpochMs: number;
  /** From then on every text objects. */
  readonly againEpochMs: number;
}

export class StartOracle {
  readonly #truth: Records;

  constructor(truth: Records) {
    this.#truth = truth;
  }

  due(start: Start): OwedStart {
    const { atEpochMs: at, place, digest } = start;
    const image = this.#truth.images.get(digest);
    if (!image) throw new Error(`there is no image ${digest}`);
    const policy = this.#policyAt(at);
    const carried = this.#objections(image, at).map((one) => this.#fromFirstReview(one, start));
    const alarm = this.#alarmOf(carried, image, start);
    const answer = (due: Due, why: string): OwedStart => ({
      ...{ due, why, carriedBy: carried.map(({ kind }) => kind) },
      ...(alarm && { alarm }),
    });
    if (!this.#judges(place, at)) return answer('open', 'the door refuses nothing');
    const grace = policy.graceRunningDays * DAY_MS;
    const [standing, lacking] = [this.#goodStanding(start, image), this.#lacksStanding(start, image)];
    const certain = carried.filter(({ certainFromEpochMs = Number.POSITIVE_INFINITY }) => certainFromEpochMs <= at);
    if (lacking && certain.length > 0)
      return answer('must-not-start', `${lacking}; ${certain.map(({ what }) => what)}`);
    const over = certain.find(({ latestEpochMs = Number.POSITIVE_INFINITY }) => latestEpochMs + grace < at);
    if (over) return answer('must-end', `the grace of ${over.what} is over`);
    const short = carried.find(({ sinceEpochMs }) => sinceEpochMs + grace <= at);
    if (standing && !short && carried.length > 0)
      return answer('must-start', `${standing}; ${carried.map(({ what }) => what)}`);
    if (carried.length === 0 && this.#isKnownGood(image, at))
      return answer(standing ? 'must-start' : 'is-free', 'nothing forbids it');
    if (standing && carried.length === 0) return answer('must-start', standing);
    return answer('open', short ? `the grace of ${short.what} may be over` : 'nobody can know');
  }

  /**
   * A doubt raises an alarm in its first hour, where a door judged all the time. Where another grace was over in that hour, the doubt
   * held nothing up, and the first review after a text that takes the other objection away raises the alarm.
   */
  #alarmOf(carried: readonly Objection[], image: WeekImage, { place, atEpochMs }: Start): TrueSpan | undefined {
    const { policies, reviews, beganAtEpochMs } = this.#truth;
    const doubt = carried.find(({ kind, certainFromEpochMs }) => kind === 'doubt' && certainFromEpochMs !== undefined);
    if (!doubt || policies.some(({ isOffIn = [] }) => isOffIn.includes(place))) return undefined;
    const firstHourEpochMs = Math.max(doubt.certainFromEpochMs ?? 0, beganAtEpochMs) + HOUR_MS;
    const freeText = this.#isOver(image, place, firstHourEpochMs)
      ? policies.find((one) => one.atEpochMs > firstHourEpochMs && !this.#isOver(image, place, one.atEpochMs))
      : undefined;
    const toEpochMs = freeText
      ? reviews.find(({ fromEpochMs }) => fromEpochMs > freeText.atEpochMs)?.toEpochMs
      : firstHourEpochMs;
    return toEpochMs !== undefined && toEpochMs <= atEpochMs
      ? { fromEpochMs: doubt.sinceEpochMs, toEpochMs }
      : undefined;
  }

  /** At that instant the grace of what is no doubt is over, by the latest reading of it. */
  #isOver(image: WeekImage, place: string, at: number): boolean {
    const graceMs = this.#policyAt(at).graceRunningDays * DAY_MS;
    return this.#objections(image, at)
      .filter(({ kind }) => kind !== 'doubt')
      .map((one) => this.#fromFirstReview(one, { place, digest: image.digest, atEpochMs: at }))
      .some(
        ({ certainFromEpochMs = Number.POSITIVE_INFINITY, latestEpochMs = Number.POSITIVE_INFINITY }) =>
          certainFromEpochMs <= at && latestEpochMs + graceMs < at,
      );
  }

  /**
   * By when a review that read the image there must have announced that a grace ends: the review knew the objection when it began, the
   * image had to start when it ended, or started later, and the grace ends within the notice. Absent if no review could.
   */
  announcedBy({ place, digest, atEpochMs }: Start): number | undefined {
    const { images, reviews, runs, templates } = this.#truth;
    const image = images.get(digest);
    if (!image) throw new Error(`there is no image ${digest}`);
    const there = [...runs, ...templates].filter((one) => one.place === place && one.digest === digest);
    return reviews.find((review) => {
      const { fromEpochMs, toEpochMs } = review;
      const then = { place, digest, atEpochMs: toEpochMs };
      if (toEpochMs >= atEpochMs || this.#isUnread(fromEpochMs) || !this.#judges(place, toEpochMs)) return false;
      if (!there.some((one) => isDuring(one, review))) return false;
      const graceMs = this.#policyAt(toEpochMs).graceRunningDays * DAY_MS;
      const endsSoon = this.#objections(image, toEpochMs)
        .map((one) => this.#fromFirstReview(one, then))
        .some(
          ({ certainFromEpochMs = Number.POSITIVE_INFINITY, latestEpochMs = Number.POSITIVE_INFINITY }) =>
            certainFromEpochMs <= fromEpochMs &&
            latestEpochMs + graceMs <= Math.min(atEpochMs, fromEpochMs + NOTICE_MS),
        );
      return endsSoon && (this.due(then).due === 'must-start' || this.#startedSince(then, atEpochMs));
    })?.toEpochMs;
  }

  /** A door that judges let it start again since then. */
  #startedSince = ({ place, digest, atEpochMs: since }: Start, at: number): boolean =>
    this.#runsOf(place, digest, at).some(({ fromEpochMs }) => fromEpochMs > since && this.#judges(place, fromEpochMs));

  #judges(place: string, at: number): boolean {
    const { isOffIn = [], warns } = this.#policyAt(at);
    return !isOffIn.includes(place) && !warns.includes(place) && !this.#isOpened(place, at);
  }

  /** What ran at the first review has no known beginning: a fact that was due then starts its grace then. */
  #fromFirstReview(objection: Objection, { place, digest, atEpochMs }: Start): Objection {
    const [first] = this.#truth.reviews;
    if (objection.kind !== 'fact' || !first) return objection;
    const wasThere = this.#runsOf(place, digest, atEpochMs).some((run) => isDuring(run, first));
    return wasThere ? { ...objection, sinceEpochMs: Math.max(objection.sinceEpochMs, first.fromEpochMs) } : objection;
  }

  #policyAt(at: number): PolicyText {
    const text = this.#truth.policies.findLast(({ atEpochMs }) => atEpochMs <= at);
    if (!text) throw new Error('there is no policy');
    return text;
  }

  #isOpened = (where: string, at: number): boolean =>
    this.#truth.openings.some(
      ({ place, fromEpochMs, toEpochMs }) => place === where && fromEpochMs <= at && at < toEpochMs,
    );

  /* What speaks against an image at an instant. */

  #objections(image: WeekImage, at: number): readonly Objection[] {
    return [...this.#age(image, at), ...this.#flaw(image, at), ...this.#rules(image, at), ...this.#doubt(image, at)];
  }

  #age(image: WeekImage, at: number): readonly Objection[] {
    const dueBy = ({ ageLimitDays }: PolicyText): number => image.builtAtEpochMs + ageLimitDays * DAY_MS;
    const sinceEpochMs = this.#objecting(dueBy, at)?.sinceEpochMs;
    if (sinceEpochMs === undefined) return [];
    // Its age was known before it was due.
    const textEpochMs = Math.max(this.#policyAt(at).atEpochMs, image.pushedAtEpochMs);
    const known = this.#known(image, { kind: 'fact', what: 'its age', sinceEpochMs }, textEpochMs);
    return [known];
  }

  #flaw(image: WeekImage, at: number): readonly Objection[] {
    const { flawAtEpochMs } = this.#truth;
    if (flawAtEpochMs === undefined || !image.isFlawed || flawAtEpochMs > at) return [];
    const { findingGraceDays, waivedUntilEpochMs = 0 } = this.#policyAt(at);
    const sinceEpochMs = Math.max(flawAtEpochMs + findingGraceDays * DAY_MS, this.#lastWaiverEnd(at));
    if (sinceEpochMs > at || waivedUntilEpochMs > at) return [];
    const seen = this.#scansOf(image, at).find((atEpochMs) => atEpochMs >= flawAtEpochMs);
    const what = 'the flaw';
    if (seen === undefined) return [{ kind: 'fact', what, sinceEpochMs }];
    const learned = Math.max(seen + findingGraceDays * DAY_MS, this.#lastWaiverEnd(at)) + JUDGED_WITHIN_MS;
    return [{ kind: 'fact', what, sinceEpochMs, certainFromEpochMs: learned, latestEpochMs: learned }];
  }

  #lastWaiverEnd = (at: number): number =>
    Math.max(
      0,
      ...this.#truth.policies.flatMap(({ waivedUntilEpochMs = 0 }) =>
        waivedUntilEpochMs <= at ? waivedUntilEpochMs : [],
      ),
    );

  #rules(image: WeekImage, at: number): readonly Objection[] {
    const breaks = {
      nonRoot: image.isRoot,
      sourceKnown: !image.namesSource,
      tags: !/^[0-9a-f]{7}-\d+$/.test(image.tag),
    };
    const isUnapproved = ({ unapproved }: PolicyText): boolean =>
      unapproved.some((beginning) => image.repository.startsWith(beginning));
    const ofRules = (Object.keys(breaks) as (keyof typeof breaks)[]).flatMap((rule): readonly Objection[] => {
      const objecting = breaks[rule]
        ? this.#objecting(
            ifAny(({ rules }) => rules.includes(rule)),
            at,
          )
        : undefined;
      if (!objecting) return [];
      const objection = { kind: 'rule', what: `the rule ${rule}`, sinceEpochMs: objecting.sinceEpochMs } as const;
      // Of what was pushed before Patchwave came no tag may be known, so that it has the doubt of `#unknownTags`.
      const isUnknown = rule === 'tags' && this.#isInstalledWith(image);
      return [isUnknown ? objection : this.#known(image, objection, objecting.againEpochMs)];
    });
    const unapproved = this.#objecting(ifAny(isUnapproved), at);
    if (unapproved)
      ofRules.push(
        this.#known(
          image,
          { kind: 'rule', what: 'the rule approvedRegistries', sinceEpochMs: unapproved.sinceEpochMs },
          unapproved.againEpochMs,
        ),
      );
    return [...ofRules, ...this.#unknownTags(image, at)];
  }

  /**
   * No review lists the repositories of applications, so of what was pushed before Patchwave came no tag is known. Nor does one tell
   * that a copy without a tag has none.
   */
  #unknownTags(image: WeekImage, at: number): readonly Objection[] {
    const ruledSinceEpochMs = this.#objecting(
      ifAny(({ rules }) => rules.includes('tags')),
      at,
    )?.sinceEpochMs;
    const unknownSinceEpochMs = this.#isInstalledWith(image)
      ? 0
      : this.#copiesOf(image, at).find(({ isTagged }) => !isTagged)?.atEpochMs;
    if (ruledSinceEpochMs === undefined || unknownSinceEpochMs === undefined) return [];
    const sinceEpochMs = Math.max(ruledSinceEpochMs, unknownSinceEpochMs);
    // A doubt counts from the last result without one, whatever doubts came between.
    const knownEpochMs = this.#lastAnswerable(image, sinceEpochMs) ?? sinceEpochMs;
    return [{ kind: 'doubt', what: 'its tags are unknown', sinceEpochMs: Math.min(sinceEpochMs, knownEpochMs) }];
  }

  #copiesOf = ({ digest }: Pick<WeekImage, 'digest'>, at: number): readonly TrueCopy[] =>
    this.#truth.copies.filter((copy) => copy.digest === digest && copy.atEpochMs <= at);

  /** A review judges by a text that was applied before it, and a push by the text in force. */
  #known(image: WeekImage, objection: Objection, textEpochMs: number): Objection {
    // What no scanner answers for is not judged again, nor what is out of use. Then its last result becomes stale.
    const review = this.#truth.reviews.find(
      ({ fromEpochMs }) =>
        fromEpochMs > textEpochMs && !this.#isAway(image, fromEpochMs) && !this.#isOutOfUse(image, fromEpochMs),
    )?.toEpochMs;
    const pushed = image.pushedAtEpochMs > textEpochMs ? image.pushedAtEpochMs + JUDGED_WITHIN_MS : undefined;
    const knownEpochMs = Math.min(review ?? Number.POSITIVE_INFINITY, pushed ?? Number.POSITIVE_INFINITY);
    if (knownEpochMs === Number.POSITIVE_INFINITY) return objection;
    const [first] = this.#truth.reviews;
    const latestEpochMs = Math.max(objection.sinceEpochMs, first?.toEpochMs ?? 0);
    return { ...objection, certainFromEpochMs: Math.max(knownEpochMs, objection.sinceEpochMs), latestEpochMs };
  }

  /** Reviews saw it run, but nowhere within the grace. */
  #isOutOfUse({ digest }: WeekImage, at: number): boolean {
    const { runs, templates } = this.#truth;
    const graceMs = this.#policyAt(at).graceRunningDays * DAY_MS;
    const stays = [...runs, ...templates].filter(
      (one) => one.digest === digest && one.fromEpochMs <= at && this.#isSeen(one, at),
    );
    return stays.length > 0 && stays.every(({ toEpochMs = at }) => toEpochMs < at - graceMs);
  }

  /**
   * Since when the texts in force object. A looser text in between does not restart it, if it was in force no longer than the grace.
   * Reviews may have judged by that text, so what they know counts from when the texts objected again.
   * @param from when a text begins to object, also before it was applied
   */
  #objecting(from: (text: PolicyText) => number, at: number): Objecting | undefined {
    const texts = this.#truth.policies.filter(({ atEpochMs }) => atEpochMs <= at);
    let objecting: Objecting | undefined;
    let lastEpochMs = Number.NEGATIVE_INFINITY;
    for (const [n, text] of texts.entries()) {
      const [begin, end] = [Math.max(text.atEpochMs, from(text)), texts[n + 1]?.atEpochMs ?? at];
      if (begin > end || (begin === end && n + 1 < texts.length)) continue;
      const isRestarted = !objecting || begin - lastEpochMs > text.graceRunningDays * DAY_MS;
      objecting = {
        sinceEpochMs: objecting && !isRestarted ? objecting.sinceEpochMs : begin,
        againEpochMs: objecting && begin === lastEpochMs ? objecting.againEpochMs : begin,
      };
      lastEpochMs = end;
    }
    // A text that is replaced at this very instant objects no longer.
    const inForce = texts.at(-1);
    return inForce && from(inForce) <= at ? objecting : undefined;
  }

  /** Since the last review at which the scanner could answer. What never had a result is doubtful for certain. */
  #doubt(image: WeekImage, at: number): readonly Objection[] {
    const { staleScanHours } = this.#policyAt(at);
    const scans = this.#scansOf(image, at);
    const lastEpochMs = scans.at(-1);
    const answeredEpochMs = this.#lastAnswerable(image, at);
    const what = 'a doubt';
    if (lastEpochMs === undefined && !this.#isInstalledWith(image))
      return [{ kind: 'doubt', what: 'no result yet', sinceEpochMs: 0, certainFromEpochMs: 0, latestEpochMs: 0 }];
    const sinceEpochMs = Math.max(lastEpochMs ?? 0, answeredEpochMs ?? 0);
    const isTroubled = this.#isTroubled(image, sinceEpochMs, at);
    const staleEpochMs = (lastEpochMs ?? 0) + staleScanHours * HOUR_MS;
    if (!isTroubled && staleEpochMs > at) return [];
    // A scanner that could answer each night makes no doubt. Whether Patchwave asked it is no excuse.
    if (!isTroubled && answeredEpochMs !== undefined && answeredEpochMs + staleScanHours * HOUR_MS > at) {
      return this.#isNeverUsed(image, at) ? [{ kind: 'doubt', what, sinceEpochMs: lastEpochMs ?? 0 }] : [];
    }
    return [
      {
        ...{ kind: 'doubt', what, sinceEpochMs },
        ...(staleEpochMs <= at && {
          certainFromEpochMs: staleEpochMs,
          latestEpochMs: Math.max(staleEpochMs, (answeredEpochMs ?? 0) + staleScanHours * HOUR_MS) + REVIEWED_WITHIN_MS,
        }),
      },
    ];
  }

  /** No review saw it run anywhere, or saw what could start it by itself, so nothing asks for its scans. */
  #isNeverUsed({ digest }: WeekImage, at: number): boolean {
    const { runs, templates } = this.#truth;
    const graceMs = this.#policyAt(at).graceRunningDays * DAY_MS;
    return ![...runs, ...templates].some(
      (one) =>
        one.digest === digest && one.fromEpochMs <= at && (one.toEpochMs ?? at) > at - graceMs && this.#isSeen(one, at),
    );
  }

  #isInstalledWith = ({ pushedAtEpochMs }: WeekImage): boolean => pushedAtEpochMs <= this.#truth.beganAtEpochMs;

  #isTroubled({ digest }: WeekImage, since: number, at: number): boolean {
    const failing = this.#truth.failing.get(digest) ?? Number.POSITIVE_INFINITY;
    return (
      failing <= at || this.#truth.outages.some(({ fromEpochMs, toEpochMs }) => fromEpochMs <= at && toEpochMs >= since)
    );
  }

  #lastAnswerable(image: WeekImage, at: number): number | undefined {
    return this.#truth.reviews.findLast(
      ({ fromEpochMs, toEpochMs }) =>
        toEpochMs <= at && fromEpochMs >= image.pushedAtEpochMs && !this.#isAway(image, fromEpochMs),
    )?.fromEpochMs;
  }

  /** No scanner answers for it. */
  #isAway({ digest }: Pick<WeekImage, 'digest'>, at: number): boolean {
    const { outages, failing } = this.#truth;
    const isDown = outages.some(({ fromEpochMs, toEpochMs }) => fromEpochMs <= at && at < toEpochMs);
    return isDown || at >= (failing.get(digest) ?? Number.POSITIVE_INFINITY);
  }

  /** When scans of the whole of it had ended, in their order, as far as their results could be read. */
  #scansOf(image: WeekImage, at: number): readonly number[] {
    const of = (content: string): readonly number[] =>
      this.#truth.scans.flatMap(({ digest, atEpochMs }) =>
        digest === content && atEpochMs <= at && !this.#isAway(image, atEpochMs) ? atEpochMs : [],
      );
    const [first = [], ...rest] = image.contents.map(of);
    return first.flatMap((epochMs, n) => {
      const each = [epochMs, ...rest.map((scans) => scans[n] ?? Number.POSITIVE_INFINITY)];
      const latest = Math.max(...each);
      return latest <= at ? [latest] : [];
    });
  }

  /**
   * A scan of the last day found nothing, and all was judged by the text in force. The lineage of the first image of a stream is
   * unread until a review, so that the door refuses it on its first day.
   */
  #isKnownGood(image: WeekImage, at: number): boolean {
    const last = this.#scansOf(image, at).at(-1);
    if (last === undefined || last <= at - DAY_MS || last > at - JUDGED_WITHIN_MS) return false;
    // A waiver may not cover the place of a copy, so that it is judged again.
    if (this.#copiesOf(image, at).some(({ atEpochMs }) => atEpochMs > at - JUDGED_WITHIN_MS)) return false;
    return this.#wasReviewed(image, at) && last > this.#policyAt(at).atEpochMs && !this.#isNeverUsed(image, at);
  }

  #wasReviewed({ digest }: WeekImage, at: number): boolean {
    const { runs, templates } = this.#truth;
    return [...runs, ...templates].some((one) => one.digest === digest && this.#isSeen(one, at));
  }

  /* Good standing. */

  /** By the strictest reading: why it is in good standing, or nothing. */
  #goodStanding({ place, digest, atEpochMs: at }: Start, image: WeekImage): string | undefined {
    const graceMs = this.#policyAt(at).graceRunningDays * DAY_MS;
    const runs = this.#runsOf(place, digest, at);
    let goodUntil: number | undefined;
    // What began well, and no review has seen yet.
    let unseenUntil: number | undefined;
    for (const run of runs) {
      const goesOnFrom = (epochMs: number | undefined): boolean =>
        epochMs !== undefined && run.fromEpochMs - epochMs <= REPLACED_WITHIN_MS;
      const isReplaced = goesOnFrom(goodUntil);
      if (!isReplaced && !goesOnFrom(unseenUntil) && !this.#beganWell(image, run)) {
        // What is replaced goes on with a bad beginning, until a review finds nothing against it.
        if (goodUntil === undefined && run.fromEpochMs > (this.#truth.reviews[0]?.fromEpochMs ?? 0)) return undefined;
        continue;
      }
      if (isReplaced || this.#isSeen(run, at)) goodUntil = Math.max(goodUntil ?? 0, run.toEpochMs ?? at);
      else unseenUntil = run.toEpochMs ?? at;
    }
    if (goodUntil === undefined || goodUntil < at - graceMs) return undefined;
    return `it ran there until ${new Date(goodUntil).toISOString()} and began well`;
  }

  /** By the loosest reading it is in no good standing: why, or nothing. */
  #lacksStanding({ place, digest, atEpochMs: at }: Start, image: WeekImage): string | undefined {
    // A template that may start it counts as a beginning, for what a review knows of it.
    const runs = [...this.#runsOf(place, digest, at), ...this.#templatesOf(place, digest, at)];
    if (runs.length === 0) return 'it never ran there';
    const graceMs = this.#policyAt(at).graceRunningDays * DAY_MS;
    if (runs.every((run) => this.#isEndSeenBy(run, at - graceMs))) return 'it did not run there within the grace';
    const isBad = ({ fromEpochMs, namedFromEpochMs }: TrueStay): boolean =>
      fromEpochMs > (this.#truth.reviews[0]?.toEpochMs ?? Number.POSITIVE_INFINITY) &&
      (this.#objections(image, fromEpochMs).some(
        ({ kind, certainFromEpochMs = Number.POSITIVE_INFINITY }) =>
          certainFromEpochMs <= fromEpochMs &&
          !(kind === 'doubt' && this.#mayHaveBegunBefore(certainFromEpochMs, fromEpochMs, namedFromEpochMs)) &&
          !(kind === 'doubt' && this.#wasCleared(image, fromEpochMs, at)) &&
          !(kind === 'rule' && this.#wasLoosened(fromEpochMs, at)),
      ) ||
        (namedFromEpochMs !== undefined && this.#isAgainstRule(image, namedFromEpochMs, at)));
    return runs.every(isBad) ? 'each time it began there it was forbidden' : undefined;
  }

  /** Patchwave sees an end at the next review that reads the cluster. */
  #isEndSeenBy({ toEpochMs }: TrueStay, at: number): boolean {
    if (toEpochMs === undefined) return false;
    const reading = this.#truth.reviews.find(
      ({ fromEpochMs }) => fromEpochMs > toEpochMs && !this.#isUnread(fromEpochMs),
    );
    return reading !== undefined && reading.toEpochMs < at;
  }

  #isUnread = (at: number): boolean =>
    this.#truth.unread.some(({ fromEpochMs, toEpochMs }) => fromEpochMs <= at && at <= toEpochMs);

  /**
   * As far as Patchwave can know: no reading was complete, and no cluster dates its workload, between that instant and the start.
   * A reading and a result of one review are seconds apart.
   */
  #mayHaveBegunBefore(epochMs: number, fromEpochMs: number, namedFromEpochMs = 0): boolean {
    const lastReading = this.#truth.reviews.findLast(
      (review) => review.fromEpochMs <= fromEpochMs && !this.#isUnread(review.fromEpochMs),
    );
    return Math.max(lastReading?.fromEpochMs ?? 0, namedFromEpochMs) <= epochMs;
  }

  /** It was named there after a rule came that it breaks, and was judged by that rule since. */
  #isAgainstRule = (image: WeekImage, namedFromEpochMs: number, at: number): boolean =>
    [...this.#age(image, namedFromEpochMs), ...this.#rules(image, namedFromEpochMs)].some(
      ({ kind, certainFromEpochMs = Number.POSITIVE_INFINITY }) => kind !== 'doubt' && certainFromEpochMs <= at,
    ) && !this.#wasLoosened(namedFromEpochMs, at);

  /** A review may have found nothing against it, by a text that has not all rules of the one by which it began. */
  #wasLoosened(fromEpochMs: number, at: number): boolean {
    const { rules, unapproved, ageLimitDays } = this.#policyAt(fromEpochMs);
    return this.#truth.policies.some(
      (one) =>
        one.atEpochMs > fromEpochMs &&
        one.atEpochMs <= at &&
        (rules.some((rule) => !one.rules.includes(rule)) ||
          one.unapproved.length < unapproved.length ||
          one.ageLimitDays > ageLimitDays),
    );
  }

  /** A later result showed no fact that Patchwave counts as due. */
  #wasCleared = (image: WeekImage, fromEpochMs: number, at: number): boolean =>
    this.#scansOf(image, at).some(
      (scanned) =>
        scanned >= fromEpochMs &&
        ![...this.#age(image, scanned), ...this.#flaw(image, scanned + JUDGED_WITHIN_MS)].some(
          ({ certainFromEpochMs = scanned }) => certainFromEpochMs <= scanned + JUDGED_WITHIN_MS,
        ),
    );

  #templatesOf = (place: string, digest: string, at: number): readonly TrueStay[] =>
    this.#truth.templates.filter((one) => one.place === place && one.digest === digest && one.fromEpochMs < at);

  #runsOf = (place: string, digest: string, at: number): readonly TrueStay[] =>
    this.#truth.runs.filter((run) => run.place === place && run.digest === digest && run.fromEpochMs < at);

  /** Nothing spoke against it when it began. Of what ran at the first review nothing is known from before. */
  #beganWell(image: WeekImage, run: TrueStay): boolean {
    const [first] = this.#truth.reviews;
    if (first && run.fromEpochMs <= first.fromEpochMs) return isDuring(run, first);
    // The first image of a stream is refused on its first day (see `#isKnownGood`), so that only an opening or a warning let it start.
    const refusesNothing =
      this.#isOpened(run.place, run.fromEpochMs) || this.#policyAt(run.fromEpochMs).warns.includes(run.place);
    if (refusesNothing && !this.#wasReviewed(image, run.fromEpochMs)) return false;
    return this.#objections(image, run.fromEpochMs).length === 0;
  }

  /** A review read it while it ran, or while a template named it. */
  #isSeen(run: TrueStay, at: number): boolean {
    const { reviews, templates } = this.#truth;
    const readings = reviews.filter(({ fromEpochMs, toEpochMs }) => toEpochMs <= at && !this.#isUnread(fromEpochMs));
    const isRead = (one: TrueStay): boolean => readings.some((reading) => isDuring(one, reading));
    return isRead(run) || templates.some((one) => one.place === run.place && one.digest === run.digest && isRead(one));
  }
}

/** Whether it ran when a review began. */
const isDuring = ({ fromEpochMs, toEpochMs = Number.POSITIVE_INFINITY }: TrueStay, review: TrueSpan): boolean =>
  fromEpochMs <= review.fromEpochMs && toEpochMs >= review.fromEpochMs;

/** A rule that a text has, or has not. */
const ifAny =
  (objects: (text: PolicyText) => boolean) =>
  (text: PolicyText): number =>
    objects(text) ? text.atEpochMs : Number.POSITIVE_INFINITY;
