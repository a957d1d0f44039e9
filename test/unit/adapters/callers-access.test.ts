import { callersAccess, type MemberAccess } from '../../../shared/adapters/clients.ts';

const OWN = '111122223333';
const OTHER = '444455556666';
const credentials = { accessKeyId: 'own', secretAccessKey: 'secret' };

const role: MemberAccess = {
  ...{ hub: {}, roleName: 'Auditor' },
  credentials: (account) => async () => ({ accessKeyId: `of ${account}`, secretAccessKey: 'secret' }),
};

test('a person reads their own account with their own credentials, and others with the role', async () => {
  const access = callersAccess({ credentials }, OWN, role);
  expect(await access.credentials(OWN)()).toEqual(credentials);
  expect(await access.credentials(OTHER)()).toMatchObject({ accessKeyId: `of ${OTHER}` });
  expect(access.roleName).toBe('Auditor');
});

test('without a role no other account is called with their credentials', () => {
  expect(() => callersAccess({ credentials }, OWN).credentials(OTHER)).toThrow(
    expect.objectContaining({ name: 'AccountNotOursError' }),
  );
});
