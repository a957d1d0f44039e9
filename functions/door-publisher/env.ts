import { variables } from '../../shared/lambda/variables.ts';
import * as v from '../../shared/schema.ts';

const [ACCOUNT, REGION, NAME] = [/^[\d*]{1,12}$/, /^[a-z\d*-]{1,32}$/, /^[\w*-]{1,100}$/];

/** `<account>/<region>/<name>`, in each of which `*` stands for any run of characters. */
const pattern = v.pipe(
  v.string(),
  v.trim(),
  v.check((text) => {
    const [account = '', region = '', cluster = '', ...others] = text.split('/');
    return ACCOUNT.test(account) && REGION.test(region) && NAME.test(cluster) && others.length === 0;
  }, 'must be account/region/name of an EKS cluster, in which * stands for any characters'),
  v.transform((text) => {
    const [account = '', region = '', cluster = ''] = text.split('/');
    return { account, region, cluster };
  }),
);

export const environment = v.object({
  ...variables('LEDGER_TABLE', 'EVIDENCE_BUCKET', 'PARTITION', 'READ_ROLE_EXTERNAL_ID'),
  /** The clusters that get lists. */
  CLUSTERS: v.pipe(
    v.string(),
    v.transform((text) => text.split(',').filter((one) => one.trim() !== '')),
    v.array(pattern),
  ),
  /** How long a list refuses anything after it was read from the ledger. */
  LIST_HOURS: v.pipe(v.numberFromText(), v.gtValue(0)),
  /** Writes the lists into the clusters of a member account. */
  PUBLISH_ROLE_NAME: v.text(),
});
