import { readdirSync, readFileSync } from 'node:fs';
import { actionsFor, ECS_START_LISTS } from '../../shared/domain/image/possible-starts.ts';
import { grantedTo, member, ROOT } from './template.ts';

/** Which role of a member account each adapter of a kind is called with, by the end of the adapter's name. */
const ROLES: Readonly<Record<string, string>> = {
  runner: 'ActBuildRole',
  workloads: 'ReadRole',
  services: 'ReadRole',
  rules: 'ReadRole',
  schedules: 'ReadRole',
  scanner: 'ReadRole',
  vpcs: 'ReadRole',
  tasks: 'ActDoorRole',
  deployments: 'ActDoorRole',
};

/** What IAM calls a service where that is not the name of its client. */
const SERVICES: Readonly<Record<string, string>> = { eventbridge: 'events' };

/** What IAM calls an operation where that is not the operation's own name. */
const ACTIONS: Readonly<Record<string, string>> = { 'lambda:Invoke': 'lambda:InvokeFunction' };

const adapters = readdirSync(`${ROOT}shared/adapters`).flatMap((file) => {
  const [, role] = /-(\w+)\.ts$/.exec(file) ?? [];
  return role !== undefined && role in ROLES ? [{ file, role: ROLES[role] ?? '' }] : [];
});

/** The actions of a file's imports: `StartImageScanCommand` and `paginateListTasks` of a client package. */
function actionsOf(file: string): readonly string[] {
  const text = readFileSync(`${ROOT}shared/adapters/${file}`, 'utf8');
  return [...text.matchAll(/import \{([^}]*)\} from '@aws-sdk\/client-([\w-]+)'/g)].flatMap(
    ([, names = '', client = '']) =>
      [...names.matchAll(/\b(?:(\w+)Command|paginate(\w+))\b/g)].map(([, command, paginated]) => {
        const action = `${SERVICES[client] ?? client}:${command ?? paginated}`;
        return ACTIONS[action] ?? action;
      }),
  );
}

test.each(adapters)('member-account.yaml: $role may do what shared/adapters/$file calls', ({ file, role }) => {
  const actions = actionsOf(file);
  expect(actions.length).toBeGreaterThan(0);
  const granted = grantedTo(member, role);
  expect(actions.filter((action) => !granted.includes(action))).toEqual([]);
});

test.each(ECS_START_LISTS)('member-account.yaml allows the read role what texts say that %s need', (list) => {
  const granted = grantedTo(member, 'ReadRole');
  expect(actionsFor(list).filter((action) => !granted.includes(action))).toEqual([]);
});
