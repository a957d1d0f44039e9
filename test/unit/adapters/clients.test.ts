import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { DescribeRepositoriesCommand } from '@aws-sdk/client-ecr';
import { ecrClients, memberAccess } from '../../../shared/adapters/clients.ts';
import { EcrRegistry } from '../../../shared/adapters/ecr-registry.ts';
import { EcrScanner } from '../../../shared/adapters/ecr-scanner.ts';
import { collect } from '../../../shared/concurrency.ts';
import { digestOf } from '../../support/samples.ts';

const EXTERNAL_ID = 'an-external-id';
const OURS = { account: '111122223333', region: 'eu-west-1' };
const FOREIGN = { account: '666666666666', region: 'eu-west-1' };

/** Everything that the hub sent, to STS or anywhere else. */
const sent: string[] = [];
let server: Server;
beforeAll(async () => {
  server = createServer(async (request, response) => {
    const body = (await request.toArray()).join('');
    sent.push(decodeURIComponent(body));
    if (!body.includes('Action=AssumeRole')) return void response.end('{"repositories":[]}');
    const expires = new Date(Date.now() + 3_600_000).toISOString();
    response.end(
      `<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>a</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken><Expiration>${expires}</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>`,
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
beforeEach(() => sent.splice(0));
afterAll(() => server.close());

function access(isOurs: (account: string) => Promise<boolean>) {
  const { port } = server.address() as AddressInfo;
  const credentials = { accessKeyId: 'hub', secretAccessKey: 'local' };
  return memberAccess(
    {
      ...{ partition: 'aws', roleName: 'PatchwaveRead', externalId: EXTERNAL_ID, sessionName: 'test' },
      hub: { endpoint: `http://127.0.0.1:${port}`, region: 'us-east-1', credentials },
    },
    isOurs,
  );
}
const onlyOurs = async (account: string) => account === OURS.account;

test('the role of an account of ours is taken with the external id', async () => {
  const ecr = ecrClients(access(onlyOurs));
  await ecr(OURS).send(new DescribeRepositoriesCommand({}));
  expect(sent).toHaveLength(2);
  expect(sent[0]).toContain(`arn:aws:iam::${OURS.account}:role/PatchwaveRead`);
  expect(sent[0]).toContain(EXTERNAL_ID);
});

test('an account that is not ours is not called at all, and the external id is not offered to it', async () => {
  const ecr = ecrClients(access(onlyOurs));
  const listing = collect(new EcrRegistry(ecr).repositories(FOREIGN));
  const error = await listing.catch((thrown: Error) => thrown);
  expect(error).toMatchObject({ name: 'RegistryUnreachableError', cause: { name: 'AccountNotOursError' } });
  expect(error).toMatchObject({
    message: expect.stringMatching(/^The registry of account 666666666666 .* does not read account 666666666666/),
  });
  expect(error).not.toMatchObject({ message: expect.stringContaining('Deploy') });
  const place = { ...FOREIGN, repository: 'any/image' };
  expect(await new EcrScanner(ecr).read(place, digestOf('a'))).toMatchObject({
    ...{ outcome: 'refused', state: 'unreachable', reason: 'access-denied' },
    detail: expect.stringContaining('is in no scope'),
  });
  expect(sent).toEqual([]);
});

test('a question that cannot be answered is an error of its own, and is asked again', async () => {
  let isDown = true;
  const ecr = ecrClients(
    access(async () => {
      if (isDown) throw new Error('the ledger is down');
      return true;
    }),
  );
  await expect(ecr(OURS).send(new DescribeRepositoriesCommand({}))).rejects.toThrow('the ledger is down');
  expect(sent).toEqual([]);
  isDown = false;
  await ecr(OURS).send(new DescribeRepositoriesCommand({}));
  expect(sent).toHaveLength(2);
});
