import * as v from '../../shared/schema.ts';

export const environment = v.object({ BUS_NAME: v.text() });
