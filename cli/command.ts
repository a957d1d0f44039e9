import type { ParseArgsConfig } from 'node:util';
import type { CascadeLedger } from '../shared/ports/cascades.ts';
import type { Clock } from '../shared/ports/clock.ts';
import type { EvidenceStore } from '../shared/ports/evidence.ts';
import type { CascadeExecutions } from '../shared/ports/executions.ts';
import type { ExpiryLedger } from '../shared/ports/expiries.ts';
import type { SwitchLedger } from '../shared/ports/kill-switch.ts';
import type {
  CauseLedger,
  ContentLedger,
  ImageIndex,
  ImageLedger,
  KnownLineage,
  PlaceLedger,
  RunLedger,
  ScopeLedger,
  StreamLedger,
  UsageLedger,
} from '../shared/ports/ledger.ts';
import type { PolicyStore } from '../shared/ports/policies.ts';
import type { GuardLedger, LockLedger, RebuildLedger, SlotLedger } from '../shared/ports/rebuilds.ts';
import type { RolloutLedger } from '../shared/ports/rollout-ledger.ts';
import type { RunFiles } from '../shared/ports/run-files.ts';
import type { StreamImages } from '../shared/ports/stream-images.ts';
import type { UnreadableItems } from '../shared/ports/unreadable.ts';

/** What the commands see of the world: the ledger through its ports, with the caller's own credentials. */
export interface CliContext {
  readonly images: ImageLedger;
  readonly contents: Pick<ContentLedger, 'get'>;
  readonly index: ImageIndex;
  readonly places: PlaceLedger;
  readonly usages: UsageLedger;
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
  /** What the ledgers set aside while they were read. */
  readonly unreadable: UnreadableItems;
  readonly runs: RunLedger;
  readonly scopes: ScopeLedger;
  readonly expiries: Pick<ExpiryLedger, 'checks' | 'of' | 'ofImage'>;
  readonly policies: PolicyStore;
  readonly evidence: EvidenceStore;
  /** What reviews left in the run bucket. */
  readonly runFiles: Pick<RunFiles, 'get' | 'list'>;
  readonly reviews: Reviews;
  readonly clock: Clock;
  /** Who asks, as AWS knows them: recorded with everything that a person changes. */
  author(): Promise<string>;
  /** All that the ledger knows of who is built on whom. */
  lineage(): Promise<KnownLineage>;
  /** Every item of the ledger as it is stored. */
  dump(): AsyncIterable<Record<string, unknown>>;
}

export interface Reviews {
  /** Starts an execution of the review; returns its ARN. */
  start(input: Readonly<Record<string, unknown>>): Promise<string>;
  /** The report of one run, or of the last one. @throws NotFoundError */
  report(format: 'json' | 'md', runId?: string): Promise<string>;
}

export interface Arguments {
  readonly positionals: readonly string[];
  readonly flags: Readonly<Record<string, string | boolean | undefined>>;
  readonly json: boolean;
}

export interface Command {
  /** One line for the list of commands. */
  readonly summary: string;
  /** What follows the command's name: `IMAGE`. */
  readonly synopsis: string;
  /** How many words must follow; more are refused too. */
  readonly words: readonly [least: number, most: number];
  readonly options: NonNullable<ParseArgsConfig['options']>;
  /** What each option does, for `--help`. */
  readonly optionHelp: Readonly<Record<string, string>>;
  /** Prints its answer and returns the exit code. */
  run(context: () => Promise<CliContext>, args: Arguments): Promise<number>;
}
