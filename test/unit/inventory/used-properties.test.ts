import { policySchema } from '../../../shared/domain/policy/policy.ts';
import { NEVER_SCANNED } from '../../../shared/domain/scan/scan.ts';
import { seenProperties } from '../../../shared/inventory/seen-properties.ts';
import { parse } from '../../../shared/schema.ts';
import { imageProperties } from '../../support/samples.ts';

const ACCOUNT = '111122223333';
const rule = (repository: string) => ({
  ...{ id: repository.replace('/', '-'), tier: 'application' as const, account: ACCOUNT, regions: ['us-east-1'] },
  ...{ repositories: [repository], headTags: ['^stable$'], owner: repository },
});
const policy = parse(policySchema, {
  ...{ version: 1, ages: { default: { limitDays: 30 } }, severities: [] },
  streams: [rule('aaa/copy'), rule('apps/web')],
});
const at = (repository: string) => ({ account: ACCOUNT, region: 'us-east-1', repository });

test('an image that a registry has read stays with its owner, whatever name something runs it by', () => {
  const home = at('apps/web');
  const stream = `${ACCOUNT}/us-east-1/apps/web:^stable$`;
  const properties = imageProperties('web', { tier: 'application', stream, owner: 'apps/web', locations: [home] });
  const before = { ...properties, inUse: true, isHead: true, scan: NEVER_SCANNED };
  const location = at('aaa/copy');
  const reference = `${ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com/aaa/copy:stable`;
  const after = seenProperties(
    policy,
    before.digest,
    { observations: [{ reference, location, container: 'app' }] },
    before,
  );
  expect(after).toMatchObject({ owner: 'apps/web', stream, locations: [location, home] });
});

test('an edit of the policy reaches an image that no registry has shown', () => {
  const [name, sidecar] = ['public.ecr.aws/aws-observability/collector', 'docker.io/library/nginx'];
  const observed = (reference: string) => ({ observations: [{ reference: `${reference}:1`, container: 'app' }] });
  const { mediaType: _, stream: __, ...unread } = imageProperties('agent', { tier: 'external', locations: [] });
  const known = (references: readonly string[], tier: 'external' | 'aws-managed') => ({
    ...{ ...unread, tier, references, inUse: true, isHead: false, scan: NEVER_SCANNED },
  });
  const tierUnder = (references: readonly string[], before: ReturnType<typeof known>) => {
    const edited = { ...policy, awsManaged: { accounts: [], references: [...references] } };
    return seenProperties(edited, before.digest, observed(name), before).tier;
  };
  expect(tierUnder([`${name}*`], known([name], 'external'))).toBe('aws-managed');
  expect(tierUnder([], known([name], 'aws-managed'))).toBe('external');
  // Something runs it by a name that is none of AWS.
  expect(tierUnder([`${name}*`], known([sidecar, name], 'external'))).toBe('external');
});
