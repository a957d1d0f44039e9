import { parseArgs } from 'node:util';
import { MODES, type Mode } from '../../shared/domain/policy/policy.ts';

export interface DemoFlags {
  readonly json: boolean;
  readonly keep: boolean;
  readonly help: boolean;
  /** Prints every detail beside the story. */
  readonly verbose: boolean;
  /** The file that gets the picture of the plan. */
  readonly svg?: string;
  readonly fleet: string;
  /** Whether the templates of registry/ make the tiers, in an account with nothing in it. */
  readonly registry: boolean;
  /** Absent: the mode of the fleet's policy. */
  readonly mode?: Mode;
  readonly seed: number;
  /** The seed of injected faults; absent for a run without faults. */
  readonly chaos?: number;
}

export const DEFAULT_FLEET = 'local/fleet/tiers.json';

/** Wrong use; the message shows the right use. */
export class DemoUsageError extends Error {
  override readonly name = 'DemoUsageError';
}

export const DEMO_HELP = `npm run demo -- [flags]

  --json          one JSON object as the last line of standard output
  --verbose       also prints every detail: scopes, waves, each image with its
                  reasons
  --svg FILE      writes the picture of the plan to FILE
  --keep          keeps the cloud running and prints how to inspect it
  --fleet FILE    another fleet (default: local/fleet/tiers.json)
  --registry      an empty account: the templates of registry/ make repositories
                  and pipelines, and these build three tiers (docs/registry.md)
  --mode MODE     ${MODES.join(', ')} (default: the mode of the
                  fleet's policy)
  --seed N        a number that the JSON object records as seed (default: 1). It
                  has no other effect: the fleet file has no random values, and
                  --chaos has its own seed
  --chaos N       injects faults, chosen by seed N: calls are throttled or fail;
                  events are lost, duplicated or delayed
  --help          this page

Exit codes: 0 the last review succeeded and every rebuild has a proven outcome
(fixed or not fixed); 1 otherwise; 2 usage error; 130 stopped by Ctrl-C.`;

/** @throws DemoUsageError */
export function parseFlags(words: readonly string[]): DemoFlags {
  const { values } = parsed(words);
  const chaos = values.chaos === undefined ? undefined : wholeNumber('chaos', values.chaos);
  return {
    json: values.json ?? false,
    keep: values.keep ?? false,
    help: values.help ?? false,
    verbose: values.verbose ?? false,
    ...(values.svg !== undefined && { svg: values.svg }),
    fleet: fleetOf(values),
    registry: values.registry ?? false,
    seed: wholeNumber('seed', values.seed ?? '1'),
    ...(values.mode !== undefined && { mode: modeOf(values.mode) }),
    ...(chaos !== undefined && { chaos }),
  };
}

function parsed(words: readonly string[]) {
  try {
    return parseArgs({
      args: [...words],
      options: {
        json: { type: 'boolean' },
        keep: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
        verbose: { type: 'boolean' },
        svg: { type: 'string' },
        fleet: { type: 'string' },
        registry: { type: 'boolean' },
        mode: { type: 'string' },
        seed: { type: 'string' },
        chaos: { type: 'string' },
      },
    });
  } catch (error) {
    throw new DemoUsageError(`${(error as Error).message}\n\n${DEMO_HELP}`, { cause: error });
  }
}

function fleetOf({ fleet, registry = false }: { fleet?: string; registry?: boolean }): string {
  if (!registry) return fleet ?? DEFAULT_FLEET;
  if (fleet === undefined) return 'local/fleet/registry.json';
  throw new DemoUsageError('--registry has a fleet of its own, so it takes no --fleet.');
}

function wholeNumber(flag: string, text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new DemoUsageError(`--${flag} takes a whole number from 0 to 999999999, not "${text}".`);
}

function modeOf(text: string): Mode {
  const mode = MODES.find((known) => known === text);
  if (mode) return mode;
  throw new DemoUsageError(`--mode takes ${MODES.join(', ')}, not "${text}".`);
}
