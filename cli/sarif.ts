import { visibleLine } from '../shared/domain/common/visible-text.ts';
import { VERSION } from './version.ts';

/** One result of a check, in a file or about something that is none. */
export interface SarifResult {
  readonly ruleId: string;
  readonly level: 'error' | 'warning' | 'note';
  readonly text: string;
  readonly file?: { readonly path: string; readonly line: number };
  /** What the result is about, where that is no file, such as an image. */
  readonly subject?: string;
}

const SCHEMA = 'https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json';

/**
 * A SARIF document of one run, which code hosts and editors show beside the code.
 * https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
 * @param rules what each rule says, by its id
 */
export function sarifOf(rules: Readonly<Record<string, string>>, results: readonly SarifResult[]) {
  const ids = Object.keys(rules);
  return {
    $schema: SCHEMA,
    version: '2.1.0',
    runs: [
      {
        tool: {
          driver: {
            ...{ name: 'Patchwave', version: VERSION },
            rules: ids.map((id) => ({ id, shortDescription: { text: rules[id] } })),
          },
        },
        columnKind: 'utf16CodeUnits',
        results: results.map((result) => ({
          ...{ ruleId: result.ruleId, ruleIndex: ids.indexOf(result.ruleId), level: result.level },
          message: { text: messageText(result.text) },
          locations: [locationOf(result)],
        })),
      },
    ],
  };
}

/** Foreign text must make no link: `[text](target)` is one in a message. */
const messageText = (text: string): string => visibleLine(text).replaceAll(/[[\]\\]/g, '\\$&');

const locationOf = ({ file, subject }: SarifResult) =>
  file
    ? {
        physicalLocation: {
          artifactLocation: { uri: uriOf(file.path), uriBaseId: '%SRCROOT%' },
          region: { startLine: file.line },
        },
      }
    : {
        // Code hosts show no result without a place in a file, so the repository of an image stands for one.
        physicalLocation: { artifactLocation: { uri: uriOf(subject ?? '') }, region: { startLine: 1 } },
        logicalLocations: [{ fullyQualifiedName: visibleLine(subject ?? ''), kind: 'resource' }],
      };

const uriOf = (path: string): string => path.split(/[\\/]/).map(encodeURIComponent).join('/');
