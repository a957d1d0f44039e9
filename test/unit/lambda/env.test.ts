import { loadEnv } from '../../../shared/lambda/env.ts';
import { EnvironmentError } from '../../../shared/lambda/errors.ts';
import * as v from '../../../shared/schema.ts';

const schema = v.object({ LEDGER_TABLE: v.text(), LEASE_MINUTES: v.pipe(v.numberFromText(), v.gtValue(0)) });

test('reads what the schema names and leaves the rest out', () => {
  expect(loadEnv(schema, { LEDGER_TABLE: 'ledger', LEASE_MINUTES: '30', AWS_SESSION_TOKEN: 'x' })).toEqual({
    LEDGER_TABLE: 'ledger',
    LEASE_MINUTES: 30,
  });
});

test('names every variable that is wrong at once, and shows no value', () => {
  const load = () => loadEnv(schema, { LEASE_MINUTES: 'hunter2' });

  expect(load).toThrow(EnvironmentError);
  expect(load).toThrow(/LEDGER_TABLE.*LEASE_MINUTES/);
  expect(load).not.toThrow(/hunter2/);
});

test('keeps no cause, which could carry values', () => {
  expect.assertions(1);
  try {
    loadEnv(schema, {});
  } catch (error) {
    expect((error as Error).cause).toBeUndefined();
  }
});
