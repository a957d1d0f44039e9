/** Options of `policy init`. */
export const POLICY_INIT_OPTIONS = {
  accounts: { type: 'string' },
  role: { type: 'string' },
  'external-id': { type: 'string' },
  regions: { type: 'string' },
  output: { type: 'string' },
  force: { type: 'boolean' },
} as const;

export const POLICY_INIT_HELP = {
  'accounts ACCOUNT,...': 'init: other accounts to read too, by --role (default: your own account alone)',
  'role NAME': 'init: a role in each of them that you may assume, with read permissions',
  'external-id TEXT': 'init: what that role asks for',
  'regions REGION,...': 'init: the Regions to read (default: that of the stack)',
  'output FILE': 'init: write the policy into this file and not to standard output',
  force: 'init: replace that file if it exists',
} as const;
