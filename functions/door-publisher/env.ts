import { clusterPatterns } from '../../shared/domain/admission/enrolled-clusters.ts';
import { variables } from '../../shared/lambda/variables.ts';
import * as v from '../../shared/schema.ts';

const [ACCOUNT, REGION, NAME] = [/^[\d*]{1,12}$/, /^[a-z\d*-]{1,32}$/, /^[\w*-]{1,100}$/];

const isPattern = (text: string): boolean => {
  const [account = '', region = '', cluster = '', ...others] = text.trim().split('/');
  return ACCOUNT.test(account) && REGION.test(region) && NAME.test(cluster) && others.length === 0;
};

export const environment = v.object({
  ...variables('LEDGER_TABLE', 'EVIDENCE_BUCKET', 'PARTITION', 'READ_ROLE_EXTERNAL_ID'),
  /** The clusters that get lists. */
  CLUSTERS: v.pipe(
    v.string(),
    v.check(
      (text) => text.split(',').every(isPattern),
      'must name EKS clusters as account/region/name, separated by commas; * stands for any characters',
    ),
    v.transform(clusterPatterns),
  ),
  /** How long a list refuses anything after it was read from the ledger. */
  LIST_HOURS: v.pipe(v.numberFromText(), v.gtValue(0)),
  /** Writes the lists into the clusters of a member account. */
  PUBLISH_ROLE_NAME: v.text(),
});
