import { readFileSync } from 'node:fs';
import ajvDraft4 from 'ajv-draft-04';
import ajvFormats from 'ajv-formats';
import * as v from '../../shared/schema.ts';

/*
 * The schema as OASIS publishes it: sarif-2.1/schema/sarif-schema-2.1.0.json of github.com/oasis-tcs/sarif-spec at e0583813,
 * unchanged. The members below are those that Patchwave writes, and what that schema does not say of them.
 */

const PUBLISHED = new URL('./published/sarif-schema-2.1.0.json', import.meta.url);
const published = () => {
  const ajv = new ajvDraft4.default({ allErrors: true, strict: false });
  ajvFormats.default(ajv);
  return { ajv, isSarif: ajv.compile(JSON.parse(readFileSync(PUBLISHED, 'utf8'))) };
};
let compiled: ReturnType<typeof published> | undefined;

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

/** A document is not what the published schema says; the message lists where. */
export class NoSarif extends Error {
  override readonly name = 'NoSarif';
}

/** @throws NoSarif if a document breaks the published schema */
export function requireSarif(document: unknown): void {
  compiled ??= published();
  if (!compiled.isSarif(document)) throw new NoSarif(compiled.ajv.errorsText(compiled.isSarif.errors));
}

/** The results of a SARIF document. @throws NoSarif or SchemaError if it is none */
export function resultsIn(text: string) {
  const document: unknown = JSON.parse(text);
  requireSarif(document);
  return v.parse(sarifSchema, document).runs.flatMap((one) => one.results);
}
