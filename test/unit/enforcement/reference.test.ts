import { conformanceCases } from '../../support/conformance/cases.ts';
import { textOf } from '../../support/conformance/matrix.ts';
import {
  combinations,
  decisionTables,
  everyRow,
  ReferenceTables,
  rowsFitting,
} from '../../support/conformance/reference-table.ts';
import { decidedByTables } from '../../support/conformance/situation.ts';

describe.each(Object.entries(decisionTables))('the table %s', (_, table) => {
  test('has exactly one row for each combination of its inputs', () => {
    const wrong = combinations(table).filter((inputs) => rowsFitting(table, inputs).length !== 1);
    expect(wrong).toEqual([]);
  });

  test('names only values of its inputs and outputs, and each output in each row', () => {
    const outputs = Object.keys(table.outputs).sort();
    for (const { when, answer } of table.rows) {
      for (const [input, allowed] of Object.entries(when))
        expect(table.inputs[input]).toEqual(expect.arrayContaining([allowed].flat()));
      for (const [output, value] of Object.entries(answer)) expect(table.outputs[output]).toContain(value);
      expect(Object.keys(answer).sort()).toEqual(outputs);
    }
  });
});

describe('the cases', () => {
  const cases = conformanceCases();

  test('are at least 80, each with an id and a title of its own', () => {
    expect(cases.length).toBeGreaterThanOrEqual(80);
    for (const field of ['id', 'title'] as const) {
      const texts = cases.map((one) => one[field]);
      expect(texts).toEqual([...new Set(texts)]);
    }
    expect(cases.filter(({ title }) => !/^[A-Z].*[^.]$/.test(title))).toEqual([]);
  });

  test('agree with the tables, and use each row', () => {
    const tables = new ReferenceTables();
    const differing = cases.flatMap(({ id, situation, expect: due }) => {
      const said = textOf(decidedByTables(situation, tables));
      return said === textOf(due) ? [] : [`${id}: the tables say ${said}, the case ${textOf(due)}`];
    });
    expect(differing).toEqual([]);
    expect(everyRow.filter((row) => !tables.used.has(row))).toEqual([]);
  });
});
