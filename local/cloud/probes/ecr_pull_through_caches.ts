import assert from 'node:assert/strict';
import { DescribePullThroughCacheRulesCommand, ECRClient } from '@aws-sdk/client-ecr';
import type { ProbeCloud } from '../probe.ts';

export default async function probe(cloud: ProbeCloud): Promise<void> {
  const ecr = new ECRClient(cloud.config);
  assert.deepEqual((await ecr.send(new DescribePullThroughCacheRulesCommand({}))).pullThroughCacheRules, []);
  await assert.rejects(ecr.send(new DescribePullThroughCacheRulesCommand({ ecrRepositoryPrefixes: ['docker-hub'] })), {
    name: 'PullThroughCacheRuleNotFoundException',
  });
}
