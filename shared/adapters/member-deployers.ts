import { ecsClients, eksClients, type MemberAccess } from './clients.ts';
import { Deployers } from './deployers.ts';
import { EcsDeployer } from './ecs-deployer.ts';
import { EksDeployer } from './eks-deployer.ts';

/** Deployers with the rollout role of each account. */
export const memberDeployers = (access: MemberAccess): Deployers =>
  new Deployers(
    new EcsDeployer(ecsClients(access)),
    new EksDeployer({
      clients: eksClients(access),
      credentials: async (account) => access.credentials(account)(),
      clock: Date.now,
    }),
  );
