import { FakePausedDeployments } from '../support/fakes/paused-deployments.ts';
import { pausedDeploymentsContract } from './paused-deployments.contract.ts';

const place = { account: '444455556666', region: 'eu-west-1' };
const refused = { ...place, account: '999999999999' };
const deployments = new FakePausedDeployments();
deployments.refuse(refused.account);
const arnOf = (name: string) => `arn:aws:ecs:eu-west-1:444455556666:service-deployment/prod/api/${name}`;
let started = 0;

pausedDeploymentsContract(() => ({
  ...{ deployments, place, refused, unknown: arnOf('unknown') },
  start: async () => {
    const deploymentArn = arnOf(String(++started));
    const images = [{ container: 'app', reference: 'app:1' }];
    deployments.start({
      ...{ place, deploymentArn, images, cluster: 'prod', service: 'api', hookIds: ['hook'] },
      revisionArn: deploymentArn,
    });
    return { deploymentArn, images };
  },
}));
