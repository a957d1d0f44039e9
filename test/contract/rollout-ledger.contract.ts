import { collect } from '../../shared/concurrency.ts';
import type { RolloutLedger } from '../../shared/ports/rollout-ledger.ts';
import { closure, deployment, manyFacts } from '../support/rebuild-samples.ts';
import { NOON_EPOCH_MS } from '../support/samples.ts';
import type { Contract } from './contract.ts';

const SERVICE = '111122223333/eu-west-1/prod/payments-api';
const missing = { name: 'LedgerItemMissingError' };

export function rolloutLedgerContract({ make }: Contract<RolloutLedger>): void {
  test('two callers that begin a deployment of one service in a cascade: one begins it', async () => {
    const ledger = await make();
    expect(await ledger.deployment('c1', SERVICE)).toBeUndefined();
    const begin = (n: number) => ledger.beginDeployment(deployment('c1', SERVICE, { startingAtEpochMs: n }));
    const begun = await Promise.all([1, 2, 3, 4, 5].map(begin));
    const stands = await ledger.deployment('c1', SERVICE);
    expect(begun).toEqual(Array(5).fill(stands));
    expect(await collect(ledger.deployments('c1'))).toEqual([stands]);
  });

  test('a deployment is changed over what it was, in its own cascade', async () => {
    const ledger = await make();
    await ledger.beginDeployment(deployment('c1', SERVICE));
    await ledger.beginDeployment(deployment('c2', SERVICE));
    const running = deployment('c1', SERVICE, { state: 'running', deploymentId: 'ecs-svc/1' });
    expect(await ledger.changeDeployment('c1', SERVICE, () => running)).toEqual(running);
    expect(await ledger.changeDeployment('c1', SERVICE, () => undefined)).toEqual(running);
    expect(await ledger.beginDeployment(deployment('c1', SERVICE))).toEqual(running);
    expect(await ledger.deployment('c2', SERVICE)).toEqual(deployment('c2', SERVICE));
    await expect(ledger.changeDeployment('c3', SERVICE, (before) => before)).rejects.toMatchObject(missing);
  });

  test('all deployments of a cascade are listed', async () => {
    const ledger = await make();
    const services = Array.from({ length: 40 }, (_, n) => `${SERVICE}-${n}`);
    for (const service of services) await ledger.beginDeployment(deployment('c1', service));
    await ledger.beginDeployment(deployment('c2', SERVICE));
    const listed = await collect(ledger.deployments('c1'));
    expect(listed.map(({ service }) => service).sort()).toEqual([...services].sort());
  });

  test('an environment is stopped in one cascade, by the first failure there', async () => {
    const ledger = await make();
    const environment = '111122223333/eu-west-1/prod';
    const first = { cascadeId: 'c1', environment, service: SERVICE, state: 'failed' } as const;
    expect(await ledger.environmentStop('c1', environment)).toBeUndefined();
    await ledger.stopEnvironment(first);
    await ledger.stopEnvironment({ ...first, service: `${SERVICE}-2`, state: 'rolled-back' });
    expect(await ledger.environmentStop('c1', environment)).toEqual(first);
    expect(await ledger.environmentStop('c2', environment)).toBeUndefined();
    expect(await ledger.environmentStop('c1', `${environment}-2`)).toBeUndefined();
    expect(await collect(ledger.deployments('c1'))).toEqual([]);
  });

  test('a closure that is opened twice keeps what it has come to', async () => {
    const ledger = await make();
    await ledger.openClosure(closure('c1', 'a'));
    const waiting = closure('c1', 'a', { waitingFor: 'scope 111122223333/eu-west-1 was not read' });
    expect(await ledger.changeClosure('c1', 'a', () => waiting)).toEqual(waiting);
    await ledger.openClosure(closure('c1', 'a', { sinceEpochMs: NOON_EPOCH_MS + 1 }));
    expect(await collect(ledger.closures('c1'))).toEqual([waiting]);
    await expect(ledger.changeClosure('c1', 'b', (before) => before)).rejects.toMatchObject(missing);
  });

  test('a closure is listed as open until it closes, and always with its cascade', async () => {
    const ledger = await make();
    for (const [id, stream] of [
      ['c1', 'a'],
      ['c1', 'b'],
      ['c2', 'a'],
    ] as const) {
      await ledger.openClosure(closure(id, stream));
    }
    const proof = { runId: 'run-1', closedAtEpochMs: NOON_EPOCH_MS, scopes: 2, usagesOfOutput: 3 };
    const closed = await ledger.changeClosure('c1', 'a', (before) => ({ ...before, state: 'closed', proof }));
    await ledger.openClosure(closure('c1', 'a'));
    expect(await collect(ledger.openClosures())).toEqual([closure('c1', 'b'), closure('c2', 'a')]);
    expect(await collect(ledger.closures('c1'))).toEqual([closed, closure('c1', 'b')]);
  });

  test('a closure of thousands of facts is kept whole', async () => {
    const ledger = await make();
    const large = closure('c1', 'a', { facts: manyFacts() });
    await ledger.openClosure(large);
    expect(await collect(ledger.openClosures())).toEqual([large]);
  });
}
