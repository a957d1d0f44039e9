import * as v from '../../shared/schema.ts';

/* The members of SARIF 2.1.0 that Patchwave writes, as the OASIS schema (sarif-schema-2.1.0.json) defines them. */

const text = v.strictObject({ text: v.text() });

/** A relative URI reference: no scheme, no blanks, nothing but what a URI may contain. */
const uri = v.pipe(v.string(), v.regex(/^(?:[\w.~!$&'()*+,;=@/-]|%[0-9A-F]{2})+$/));
const region = v.strictObject({ startLine: v.pipe(v.integer(), v.minValue(1)) });

const location = v.union([
  v.strictObject({
    physicalLocation: v.strictObject({
      artifactLocation: v.strictObject({
        uri,
        uriBaseId: v.literal('%SRCROOT%'),
      }),
      region,
    }),
  }),
  v.strictObject({
    physicalLocation: v.strictObject({ artifactLocation: v.strictObject({ uri }), region }),
    logicalLocations: v.array(v.strictObject({ fullyQualifiedName: v.text(), kind: v.text() })),
  }),
]);

const run = v.pipe(
  v.strictObject({
    tool: v.strictObject({
      driver: v.strictObject({
        name: v.text(),
        version: v.text(),
        rules: v.array(v.strictObject({ id: v.text(), shortDescription: text })),
      }),
    }),
    columnKind: v.literal('utf16CodeUnits'),
    results: v.array(
      v.strictObject({
        ruleId: v.text(),
        ruleIndex: v.pipe(v.integer(), v.minValue(0)),
        level: v.picklist(['error', 'warning', 'note']),
        message: text,
        locations: v.array(location),
      }),
    ),
  }),
  v.check(({ tool: { driver }, results }) => {
    const ids = driver.rules.map(({ id }) => id);
    const isUnique = new Set(ids).size === ids.length;
    return isUnique && results.every(({ ruleId, ruleIndex }) => ids[ruleIndex] === ruleId);
  }, 'a result must name its rule by id and index, and each id is there once'),
);

const sarifSchema = v.strictObject({
  $schema: v.pipe(v.string(), v.url()),
  version: v.literal('2.1.0'),
  runs: v.pipe(v.array(run), v.minLength(1)),
});

/** The results of a SARIF document. @throws SchemaError if it is none */
export const resultsIn = (document: string) =>
  v.parse(sarifSchema, JSON.parse(document)).runs.flatMap((one) => one.results);
