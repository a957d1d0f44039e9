import * as v from '../../shared/schema.ts';

const text = v.text();

export const environment = v.object({ LEDGER_TABLE: text, RUN_BUCKET: text, EVIDENCE_BUCKET: text });
