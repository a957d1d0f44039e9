import { Document, isScalar, visit } from 'yaml';

/** An object of Kubernetes, or a document of a tool. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly [field: string]: unknown;
}

/** YAML of documents, with a comment above; equal input gives equal bytes. */
export function yamlOf(comment: string, documents: readonly unknown[]): string {
  return `${commented(comment)}\n${documents.map(textOf).join('---\n')}`;
}

export const commented = (text: string): string => text.replaceAll(/^/gm, '# ').replaceAll(/^# $/gm, '#');

function textOf(value: unknown): string {
  const document = new Document(value, { aliasDuplicateObjects: false });
  visit(document, {
    Pair: (_, { value: node }) => {
      if (isScalar(node) && typeof node.value === 'string' && node.value.includes('\n')) node.type = 'BLOCK_LITERAL';
    },
  });
  return document.toString({ lineWidth: 0 });
}
