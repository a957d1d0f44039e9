import { FIRST_POLICY, MEMBER } from './files.ts';
import type { InitSettings } from './settings.ts';

/** A command that is left, and what it is for. */
export interface NextStep {
  readonly command: string;
  readonly for: string;
}

/** The commands that are left after `init`, in order. */
export function nextSteps(settings: InitSettings): readonly NextStep[] {
  const { account: hub, organization, members, regions, region } = settings;
  const others = regions.filter((one) => one !== region);
  const everywhere = others.length > 0 ? `, then once more with --region for each of ${others.join(', ')}` : '';
  const member = `sam deploy --config-env ${MEMBER}`;
  const toMembers: NextStep[] =
    organization !== undefined
      ? [
          {
            command: member,
            for: `in each other account${everywhere}, or the StackSet in member-account.yaml`,
          },
        ]
      : members.map((account) => ({ command: member, for: `with the credentials of account ${account}${everywhere}` }));
  const ownRegions = others.map((other) => ({
    command: `${member} --region ${other}`,
    for: `the events of account ${hub} in ${other}`,
  }));
  return [
    { command: 'npm run build', for: 'bundles the functions' },
    { command: 'sam deploy', for: 'creates the stack of the hub' },
    ...toMembers,
    ...ownRegions,
    { command: `npm run patchwave -- policy apply ${FIRST_POLICY}`, for: 'puts the first policy in force' },
    { command: 'npm run patchwave -- review --wait', for: 'reads, scans and judges what runs' },
    { command: 'npm run patchwave -- report', for: 'what is at risk, and why' },
  ];
}
