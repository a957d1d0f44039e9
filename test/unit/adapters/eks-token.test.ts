import { eksToken } from '../../../shared/adapters/eks-token.ts';

/** The example keys of AWS's own documentation. */
const KEYS = { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY' };
const AT = Date.parse('2026-11-28T04:05:06.789Z');

/** What `aws eks get-token` (AWS CLI 1.45.11) printed with these keys in that second. */
const OF_THE_CLI: readonly [region: string, cluster: string, sessionToken: string | undefined, token: string][] = [
  [
    'eu-west-1',
    'prod',
    'FwoGZXIvYXdzE+a/b==',
    'k8s-aws-v1.aHR0cHM6Ly9zdHMuZXUtd2VzdC0xLmFtYXpvbmF3cy5jb20vP0FjdGlvbj1HZXRDYWxsZXJJZGVudGl0eSZWZXJzaW9uPTIwMTEtMDYtMTUmWC1BbXotQWxnb3JpdGhtPUFXUzQtSE1BQy1TSEEyNTYmWC1BbXotQ3JlZGVudGlhbD1BS0lBSU9TRk9ETk43RVhBTVBMRSUyRjIwMjYxMTI4JTJGZXUtd2VzdC0xJTJGc3RzJTJGYXdzNF9yZXF1ZXN0JlgtQW16LURhdGU9MjAyNjExMjhUMDQwNTA2WiZYLUFtei1FeHBpcmVzPTYwJlgtQW16LVNpZ25lZEhlYWRlcnM9aG9zdCUzQngtazhzLWF3cy1pZCZYLUFtei1TZWN1cml0eS1Ub2tlbj1Gd29HWlhJdllYZHpFJTJCYSUyRmIlM0QlM0QmWC1BbXotU2lnbmF0dXJlPTc3OWEwMjY4NzkyZGYxOGU3MWU5N2FlMDI1YmY5ZmRkYzUzYzFiYmQxNzgwMjk0OWY5OTM5NjdjOGEzZDRmMTY',
  ],
  [
    'us-gov-west-1',
    'prod_2',
    undefined,
    'k8s-aws-v1.aHR0cHM6Ly9zdHMudXMtZ292LXdlc3QtMS5hbWF6b25hd3MuY29tLz9BY3Rpb249R2V0Q2FsbGVySWRlbnRpdHkmVmVyc2lvbj0yMDExLTA2LTE1JlgtQW16LUFsZ29yaXRobT1BV1M0LUhNQUMtU0hBMjU2JlgtQW16LUNyZWRlbnRpYWw9QUtJQUlPU0ZPRE5ON0VYQU1QTEUlMkYyMDI2MTEyOCUyRnVzLWdvdi13ZXN0LTElMkZzdHMlMkZhd3M0X3JlcXVlc3QmWC1BbXotRGF0ZT0yMDI2MTEyOFQwNDA1MDZaJlgtQW16LUV4cGlyZXM9NjAmWC1BbXotU2lnbmVkSGVhZGVycz1ob3N0JTNCeC1rOHMtYXdzLWlkJlgtQW16LVNpZ25hdHVyZT1kZWFmZmVjOTAyMjg4MWI0YmRhMzA2ODUxZWRkYThmOGZlYTNkYTNjMzRjM2Y0ZWU2OTUyY2FlODdlNWJiY2Qw',
  ],
  [
    'cn-north-1',
    'x',
    'a+b/c=',
    'k8s-aws-v1.aHR0cHM6Ly9zdHMuY24tbm9ydGgtMS5hbWF6b25hd3MuY29tLmNuLz9BY3Rpb249R2V0Q2FsbGVySWRlbnRpdHkmVmVyc2lvbj0yMDExLTA2LTE1JlgtQW16LUFsZ29yaXRobT1BV1M0LUhNQUMtU0hBMjU2JlgtQW16LUNyZWRlbnRpYWw9QUtJQUlPU0ZPRE5ON0VYQU1QTEUlMkYyMDI2MTEyOCUyRmNuLW5vcnRoLTElMkZzdHMlMkZhd3M0X3JlcXVlc3QmWC1BbXotRGF0ZT0yMDI2MTEyOFQwNDA1MDZaJlgtQW16LUV4cGlyZXM9NjAmWC1BbXotU2lnbmVkSGVhZGVycz1ob3N0JTNCeC1rOHMtYXdzLWlkJlgtQW16LVNlY3VyaXR5LVRva2VuPWElMkJiJTJGYyUzRCZYLUFtei1TaWduYXR1cmU9N2I3MWZlZjUyNDNlMjAwZmE3OWUxMGY3NTNlYzAxODdlMWE4NWYwMTAxYmMwNDNkYWY5MzcyZjM4ZWNjN2E0NA',
  ],
  [
    'us-iso-east-1',
    'prod',
    undefined,
    'k8s-aws-v1.aHR0cHM6Ly9zdHMudXMtaXNvLWVhc3QtMS5jMnMuaWMuZ292Lz9BY3Rpb249R2V0Q2FsbGVySWRlbnRpdHkmVmVyc2lvbj0yMDExLTA2LTE1JlgtQW16LUFsZ29yaXRobT1BV1M0LUhNQUMtU0hBMjU2JlgtQW16LUNyZWRlbnRpYWw9QUtJQUlPU0ZPRE5ON0VYQU1QTEUlMkYyMDI2MTEyOCUyRnVzLWlzby1lYXN0LTElMkZzdHMlMkZhd3M0X3JlcXVlc3QmWC1BbXotRGF0ZT0yMDI2MTEyOFQwNDA1MDZaJlgtQW16LUV4cGlyZXM9NjAmWC1BbXotU2lnbmVkSGVhZGVycz1ob3N0JTNCeC1rOHMtYXdzLWlkJlgtQW16LVNpZ25hdHVyZT02MjE2YWI5ZWY1NDY5NjRiZTFlZDBiMDY2MTIwZjEzNjgzZjFiMDgxMTRmNTg1ZjgxZjVhOGJjZDk1Zjg3YmYz',
  ],
];

test.each(OF_THE_CLI)('a token for %s is byte for byte that of the AWS CLI', (region, cluster, sessionToken, token) => {
  const keys = { ...KEYS, ...(sessionToken !== undefined && { sessionToken }) };
  expect(eksToken({ region, cluster }, keys, AT)).toBe(token);
});

const urlOf = (token: string): URL => new URL(Buffer.from(token.slice('k8s-aws-v1.'.length), 'base64url').toString());

test.each([
  ['us-isob-east-1', 'sts.us-isob-east-1.sc2s.sgov.gov'],
  ['us-isof-south-1', 'sts.us-isof-south-1.csp.hci.ic.gov'],
  ['eu-isoe-west-1', 'sts.eu-isoe-west-1.cloud.adc-e.uk'],
  ['eusc-de-east-1', 'sts.eusc-de-east-1.amazonaws.eu'],
])('a token for %s names the STS host of its partition', (region, host) => {
  expect(urlOf(eksToken({ region, cluster: 'prod' }, KEYS, AT)).host).toBe(host);
});

test('the name of the cluster is signed, and the token holds only parameters that EKS accepts', () => {
  const tokenOf = (cluster: string) => eksToken({ region: 'eu-west-1', cluster }, { ...KEYS, sessionToken: 'x' }, AT);
  const [one, other] = [urlOf(tokenOf('one')), urlOf(tokenOf('other'))];
  expect(one.searchParams.get('X-Amz-Signature')).not.toBe(other.searchParams.get('X-Amz-Signature'));
  expect([...one.searchParams.keys()].sort()).toEqual([
    ...['Action', 'Version', 'X-Amz-Algorithm', 'X-Amz-Credential', 'X-Amz-Date', 'X-Amz-Expires'],
    ...['X-Amz-Security-Token', 'X-Amz-Signature', 'X-Amz-SignedHeaders'],
  ]);
  expect(tokenOf('one')).not.toContain('=');
});
