import { readFileSync } from 'node:fs';
import { jest } from '@jest/globals';
import type { CliContext, Command } from '../../../cli/command.ts';
import { NotFoundError } from '../../../cli/errors.ts';
import { interleave } from '../../support/fakes/interleave.ts';
import type { FakeWorld } from '../../support/fakes/world.ts';

export const ANA = 'arn:aws:sts::111122223333:assumed-role/operator/ana';

/** The commands' view of a world of fakes; `before` sees every call of the ledger, as `causes.change`. */
export function cliContext(world: FakeWorld, before: (step: string) => void = () => undefined): CliContext {
  const { contents, images, places, usages, streams, streamImages, causes, cascades, rebuilds, locks, slots, guards } =
    world;
  const {
    rollouts,
    killSwitch,
    runs,
    scopes,
    servicesAtZero,
    denials,
    exceptions: breakGlasses,
    webhooks,
    expiries,
    policies,
    evidence,
    executions,
    runFiles,
    unreadable,
    baseReadings,
  } = world;
  const ports = {
    ...{
      contents,
      images,
      index: images,
      places,
      fleetPlaces: world.fleetPlaces,
      usages,
      running: world.running,
      streams,
      streamImages,
      causes,
      cascades,
      rebuilds,
      locks,
      slots,
    },
    ...{
      guards,
      rollouts,
      killSwitch,
      runs,
      scopes,
      servicesAtZero,
      denials,
      breakGlasses,
      webhooks,
      expiries,
      policies,
      evidence,
      executions,
      runFiles,
      unreadable,
      baseReadings,
    },
  };
  const watched = Object.entries(ports).map(([name, port]) => [name, interleave(name, port, { before })]);
  return {
    // Typed as the ports themselves, so that the compiler reports a port without a fake.
    ...(Object.fromEntries(watched) as typeof ports),
    reviews: {
      start: async () => ({
        executionArn: 'arn:aws:states:eu-west-1:111122223333:execution:fleet-review:1',
        runId: '20261124T030000000Z-1234abcd',
      }),
      report: async () => {
        throw new NotFoundError('no report in a world of fakes');
      },
    },
    refreshes: world.refreshes,
    tags: {
      digestOf: async () => {
        throw new NotFoundError('no tag in a world of fakes');
      },
      all: async () => {
        throw new NotFoundError('no tags in a world of fakes');
      },
    },
    templates: async () => [],
    pauses: { wait: async () => world.advance(10_000) },
    clock: world.clock,
    author: async () => ANA,
    lineage: async () => ({ images: [], indexes: new Map() }),
    async *dump() {},
  };
}

const READS =
  /\.(all|bornBefore|current|deployments|findings|firstSeen|get|held|history|holders|inForce|indexStates|indexes|lastPushed|latest|latestOfFleet|left|leftOfImage|list|live|load|locations|locationsOf|checks|node|nodes|of|ofImage|open|openClosures|closures|parts|read|presencesIn|presencesOf|state|streams|withVerdict)$/;

/** As `cliContext`; every method that may write is an error. */
export const readOnlyContext = (world: FakeWorld): CliContext =>
  cliContext(world, (step) => {
    if (!READS.test(step)) throw new Error(`${step} writes`);
  });

interface CommandResult {
  readonly code: number;
  readonly text: string;
}

/** Runs a command; gives its exit code and what it prints. */
export async function run(
  command: Command,
  context: CliContext,
  words: readonly string[] = [],
  flags: Readonly<Record<string, string | boolean>> = {},
): Promise<CommandResult> {
  let text = '';
  const written = jest.spyOn(process.stdout, 'write').mockImplementation((piece) => {
    text += String(piece);
    return true;
  });
  try {
    const { json, ...others } = flags;
    const code = await command.run(async () => context, { positionals: words, flags: others, json: json === true });
    return { code, text };
  } finally {
    written.mockRestore();
  }
}

/** Runs something on a terminal of some columns. */
export async function onTerminal<Value>(columns: number, work: () => Promise<Value>): Promise<Value> {
  const before = { isTTY: process.stdout.isTTY, columns: process.stdout.columns };
  Object.assign(process.stdout, { isTTY: true, columns });
  try {
    return await work();
  } finally {
    Object.assign(process.stdout, before);
  }
}

const PAGES = ['commands', 'lineage', 'policy'].map((page) => readFileSync(`docs/${page}.md`, 'utf8')).join('\n');

/** The one JSON document that a command prints with `--json`; the pages name each of its members. */
export async function runJson(
  command: Command,
  context: CliContext,
  words: readonly string[] = [],
  flags: Readonly<Record<string, string>> = {},
): Promise<Record<string, unknown>> {
  const { text } = await run(command, context, words, { ...flags, json: true });
  const document = JSON.parse(text) as Record<string, unknown>;
  const unnamed = [document]
    .flat()
    .flatMap(Object.keys)
    .filter((member) => !PAGES.includes(`\`${member}`));
  if (unnamed.length > 0) throw new Error(`docs/commands.md does not name what --json prints: ${unnamed.join(', ')}`);
  return document;
}
