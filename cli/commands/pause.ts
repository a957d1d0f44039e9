import { isSwitchUnreadable, type KillSwitch } from '../../shared/domain/policy/kill-switch.ts';
import { runningWork } from '../acting/acting.ts';
import { REASON, reasonIn } from '../acting/reason.ts';
import { NO_REASON, renderRunning, renderSwitch } from '../acting/render-acting.ts';
import type { Arguments, CliContext, Command } from '../command.ts';
import { EXIT } from '../errors.ts';
import { fitted, print, printJson } from '../output.ts';

export const pauseCommand: Command = {
  summary: 'Stops new rebuilds and deployments in all accounts until `resume`.',
  synopsis: '--reason TEXT',
  words: [0, 0],
  ...REASON,
  async run(context, args) {
    const reason = reasonIn(args);
    return turn(await context(), 'paused', reason, args);
  },
};

export const resumeCommand: Command = {
  summary: 'Allows new rebuilds and deployments again after `pause`.',
  synopsis: '[--reason TEXT]',
  words: [0, 0],
  ...REASON,
  async run(context, args) {
    const reason = args.flags.reason === undefined ? NO_REASON : reasonIn(args);
    return turn(await context(), 'active', reason, args);
  },
};

/** A repeated pause keeps who paused first, when and why. Either command replaces a switch that cannot be read. */
async function turn(
  context: CliContext,
  rebuilding: KillSwitch['rebuilding'],
  reason: string,
  { json }: Arguments,
): Promise<number> {
  const { killSwitch, clock } = context;
  const before = await killSwitch.read();
  const changed = before.rebuilding !== rebuilding || isSwitchUnreadable(before);
  const stands = changed ? { rebuilding, by: await context.author(), atEpochMs: clock(), reason } : before;
  if (changed) await killSwitch.set(stands);
  const running = await runningWork(context);
  if (json) {
    printJson({ changed, killSwitch: stands, running });
    return EXIT.done;
  }
  print(fitted(`${changed ? '' : 'Nothing was changed. '}${renderSwitch(stands, clock())}`, 2));
  const runsOn = running.rebuilds.length + running.deployments.length > 0;
  print(fitted(`${NEXT[rebuilding]}${runsOn ? `\n${GOES_ON[rebuilding]}:\n` : ''}`, 2));
  print(renderRunning(running, clock()));
  return EXIT.done;
}

const NEXT: Readonly<Record<KillSwitch['rebuilding'], string>> = {
  paused: 'From now on, Patchwave starts no pipeline and deploys no service. To end the pause: patchwave resume',
  active:
    'The planner plans waiting work at its next run, by default within 15 minutes (PlanMinutes). To see the result now: patchwave plan',
};

/** Heading of the list of work in progress. */
const GOES_ON: Readonly<Record<KillSwitch['rebuilding'], string>> = {
  paused:
    'Builds and deployments that have begun go on to their end; until `resume` no tag moves and nothing else begins',
  active: 'In progress now',
};
