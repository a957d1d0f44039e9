import type { ParseArgsConfig } from 'node:util';
import type { Digest, ImageLocation } from '../shared/domain/image/image.ts';
import type { TagMutability } from '../shared/domain/stream/tag-rules.ts';
import type {
  AskedWebhookLedger,
  BreakGlassLedger,
  OpenBreakGlasses,
  PastBreakGlasses,
  RunningReads,
} from '../shared/ports/admission.ts';
import type { CascadeLedger } from '../shared/ports/cascades.ts';
import type { Clock } from '../shared/ports/clock.ts';
import type { DenialLedger } from '../shared/ports/denials.ts';
import type { EvidenceStore } from '../shared/ports/evidence.ts';
import type { CascadeExecutions } from '../shared/ports/executions.ts';
import type { ExpiryLedger } from '../shared/ports/expiries.ts';
import type { SwitchLedger } from '../shared/ports/kill-switch.ts';
import type {
  BaseReadingLedger,
  CauseLedger,
  ContentLedger,
  FleetPlaces,
  ImageIndex,
  ImageLedger,
  KnownLineage,
  PlaceLedger,
  RunLedger,
  ScopeLedger,
  StreamLedger,
  UsageLedger,
} from '../shared/ports/ledger.ts';
import type { Messages, RefreshRequest } from '../shared/ports/messages.ts';
import type { PolicyStore } from '../shared/ports/policies.ts';
import type { GuardLedger, LockLedger, RebuildLedger, SlotLedger } from '../shared/ports/rebuilds.ts';
import type { Retry } from '../shared/ports/retry.ts';
import type { RolloutLedger } from '../shared/ports/rollout-ledger.ts';
import type { RunFiles } from '../shared/ports/run-files.ts';
import type { ServiceAtZeroLedger } from '../shared/ports/services-at-zero.ts';
import type { StreamImages } from '../shared/ports/stream-images.ts';
import type { TemplateSource } from '../shared/ports/templates.ts';
import type { UnreadableItems } from '../shared/ports/unreadable.ts';

/** Ports of the commands: the ledger and AWS, with the caller's own credentials. */
export interface CliContext {
  readonly images: ImageLedger;
  readonly contents: Pick<ContentLedger, 'get'>;
  readonly index: ImageIndex;
  readonly baseReadings: Pick<BaseReadingLedger, 'read'>;
  readonly places: PlaceLedger;
  readonly usages: UsageLedger;
  readonly running: RunningReads;
  readonly streams: StreamLedger;
  readonly streamImages: StreamImages;
  readonly causes: CauseLedger;
  readonly cascades: CascadeLedger;
  readonly rebuilds: RebuildLedger;
  readonly locks: LockLedger;
  readonly slots: SlotLedger;
  readonly guards: GuardLedger;
  readonly rollouts: RolloutLedger;
  readonly killSwitch: SwitchLedger;
  readonly executions: Pick<CascadeExecutions, 'state'>;
  /** Items that were unreadable during this call. */
  readonly unreadable: UnreadableItems;
  readonly fleetPlaces: FleetPlaces;
  readonly runs: RunLedger;
  readonly scopes: ScopeLedger;
  readonly servicesAtZero: ServiceAtZeroLedger;
  readonly denials: Pick<DenialLedger, 'all'>;
  readonly breakGlasses: BreakGlassLedger & OpenBreakGlasses & PastBreakGlasses;
  readonly webhooks: Pick<AskedWebhookLedger, 'forget'>;
  readonly expiries: Pick<ExpiryLedger, 'checks' | 'of' | 'ofImage'>;
  readonly policies: PolicyStore;
  readonly evidence: EvidenceStore;
  /** Files of reviews in the run bucket. */
  readonly runFiles: Pick<RunFiles, 'get' | 'list'>;
  readonly reviews: Reviews;
  /** Requests to read an image, and to judge it. */
  readonly refreshes: Messages<RefreshRequest>;
  readonly tags: RegistryTags;
  /** What workloads name in their templates, read with the caller's own credentials; of other accounts with a role. */
  templates(others?: OtherAccounts): Promise<readonly TemplateSource[]>;
  /** Between two reads of what is awaited. */
  readonly pauses: Pick<Retry, 'wait'>;
  readonly clock: Clock;
  /** The caller's AWS identity, recorded with every change that a person makes. */
  author(): Promise<string>;
  /** The recorded lineage of the fleet. */
  lineage(): Promise<KnownLineage>;
  /** Every ledger item as stored. */
  dump(): AsyncIterable<Record<string, unknown>>;
}

/** A role that the caller may assume in accounts other than their own. */
export interface OtherAccounts {
  readonly role: string;
  readonly externalId?: string;
  /** Whether it may be assumed in an account: no other account ever sees the external id. */
  readonly isOurs: (account: string) => Promise<boolean>;
}

/** What tags mean now, read with the caller's own credentials. */
export interface RegistryTags {
  /** @throws NotFoundError if the repository has no such tag; TagUnreadableError if it cannot be read */
  digestOf(location: ImageLocation, tag: string): Promise<Digest>;
  /** @throws NotFoundError if there is no such repository; TagUnreadableError if it cannot be read */
  all(location: ImageLocation): Promise<RepositoryTags>;
}

/** Every tag of a repository, and which of them may move. */
export interface RepositoryTags {
  readonly named: ReadonlyMap<string, Digest>;
  readonly mutability: TagMutability;
}

export interface Reviews {
  /** Starts an execution of the review; returns its ARN, and the id of its run. */
  start(input: Readonly<Record<string, unknown>>): Promise<StartedReview>;
  /** The report of one run, or of the last one. @throws NotFoundError */
  report(format: 'json' | 'md', runId?: string): Promise<string>;
}

export interface StartedReview {
  readonly executionArn: string;
  readonly runId: string;
}

export interface Arguments {
  readonly positionals: readonly string[];
  readonly flags: Readonly<Record<string, string | boolean | undefined>>;
  readonly json: boolean;
}

export interface Command {
  /** One line for the list of commands. */
  readonly summary: string;
  /** Arguments after the command's name, such as `IMAGE`. */
  readonly synopsis: string;
  /** Exact number of arguments. */
  readonly words: readonly [least: number, most: number];
  readonly options: NonNullable<ParseArgsConfig['options']>;
  /** What each argument may be, for `--help`. */
  readonly argumentHelp?: Readonly<Record<string, string>>;
  /** What each option does, for `--help`. */
  readonly optionHelp: Readonly<Record<string, string>>;
  /** Prints the answer and returns the exit code. */
  run(context: () => Promise<CliContext>, args: Arguments): Promise<number>;
}
