import { readFile } from 'node:fs/promises';
import { demoJsonSchema } from '../../../local/demo/result.ts';

test('the published schema is that of the code', async () => {
  const published = JSON.parse(await readFile('local/demo/demo.schema.json', 'utf8'));
  // Written by: node local/demo/write-schema.ts
  expect(published).toEqual(JSON.parse(JSON.stringify(demoJsonSchema())));
});
