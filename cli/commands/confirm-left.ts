import { counted } from '../../shared/domain/common/counted.ts';
import { instant } from '../../shared/domain/common/time.ts';
import { isUnconfirmed } from '../../shared/domain/review/run.ts';
import type { ScopeRecord } from '../../shared/ports/ledger.ts';
import { REASON, reasonIn } from '../acting/reason.ts';
import type { Command } from '../command.ts';
import { EXIT, NotFoundError, UsageError } from '../errors.ts';
import { fitted, print, printJson } from '../output.ts';

const SCOPE = /^(\d{12})\/([a-z0-9-]+)(?:\/([\w-]+|\*))?$/;

export const confirmLeftCommand: Command = {
  summary: 'Confirms that no container runs in a scope that left the fleet, so that closures no longer wait for it.',
  synopsis: 'ACCOUNT/REGION[/EKS-CLUSTER] --reason TEXT',
  words: [1, 1],
  argumentHelp: { 'ACCOUNT/REGION[/EKS-CLUSTER]': 'a scope that left the fleet, as status prints it' },
  ...REASON,
  async run(context, args) {
    const reason = reasonIn(args);
    const [text = ''] = args.positionals;
    const [, account, region, eksCluster] = SCOPE.exec(text) ?? [];
    if (!account || !region)
      throw new UsageError(
        `"${text}" is not a scope. Write ACCOUNT/REGION or ACCOUNT/REGION/EKS-CLUSTER, as status shows it.`,
      );
    const connected = await context();
    const { scopes, clock } = connected;
    const scope = { account, region, ...(eksCluster !== undefined && { eksCluster }) };
    if (!(await scopes.get(scope))?.left) throw hereStill(text);
    const confirmed = { by: await connected.author(), atEpochMs: clock(), reason };
    let changed = false;
    const stands = await scopes.change(scope, (before) => {
      changed = before?.left !== undefined && isUnconfirmed(before.left);
      return changed && before?.left ? { ...before, left: { ...before.left, confirmed } } : undefined;
    });
    if (!stands?.left) throw hereStill(text);
    if (args.json) printJson({ changed, scope: stands });
    else print(fitted(`${changed ? '' : 'Nothing was changed. '}${leftText(text, stands.left)}`, 2));
    return EXIT.done;
  },
};

const hereStill = (scope: string): NotFoundError =>
  new NotFoundError(
    `Scope ${scope} has not left the fleet: reviews still read it, or never read it. \`patchwave status\` lists the scopes that left.`,
  );

function leftText(scope: string, { atEpochMs, usages, confirmed }: NonNullable<ScopeRecord['left']>): string {
  const left = `Scope ${scope} left the fleet at ${instant(atEpochMs)}`;
  if (!confirmed) return `${left}, and nothing ran there.`;
  const by = `${confirmed.by} confirmed at ${instant(confirmed.atEpochMs)} that the containers are gone: ${confirmed.reason}`;
  return `${left}. Images still ran there when it was last read (${counted(usages, 'container')}). ${by}\nFrom the next review on, closures no longer wait for these containers. The proof of each of these closures names that person.`;
}
