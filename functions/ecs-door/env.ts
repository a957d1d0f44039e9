import { variables } from '../../shared/lambda/variables.ts';
import * as v from '../../shared/schema.ts';

export const environment = v.object(variables('LEDGER_TABLE', 'EVIDENCE_BUCKET'));
