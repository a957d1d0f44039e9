/** Strict about the XML that this project writes: elements, attributes in double quotes, text with five entities. */

export interface XmlElement {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: XmlElement[];
  text: string;
}

const TOKEN =
  /<\/(?<close>[a-z]+)>|<(?<open>[a-z]+)(?<attributes>(?: [\w:-]+="[^"<]*")*)(?<empty>\/?)>|(?<text>[^<]+)/guy;
const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

/** The root of a document. @throws SyntaxError where it is not well-formed */
export function parseXml(document: string): XmlElement {
  const root: XmlElement = { name: 'document', attributes: {}, children: [], text: '' };
  const open = [root];
  let read = 0;
  for (const { index, 0: token, groups = {} } of document.matchAll(TOKEN)) {
    if (index !== read) break;
    read += token.length;
    const parent = open.at(-1) ?? root;
    if (groups.text !== undefined) parent.text += decoded(groups.text);
    else if (groups.close !== undefined) {
      if (open.pop()?.name !== groups.close) throw new SyntaxError(`${token} closes nothing that is open`);
    } else {
      const attributes = [...(groups.attributes ?? '').matchAll(/([\w:-]+)="([^"]*)"/g)];
      const element = {
        name: groups.open ?? '',
        attributes: Object.fromEntries(attributes.map(([, name, value]) => [name, decoded(value ?? '')])),
        children: [],
        text: '',
      };
      parent.children.push(element);
      if (groups.empty !== '/') open.push(element);
    }
  }
  if (read !== document.length) throw new SyntaxError(`not well-formed at "${document.slice(read, read + 40)}"`);
  const [only, ...others] = root.children;
  if (open.length !== 1 || !only || others.length > 0)
    throw new SyntaxError('no document has one element that is closed');
  return only;
}

const decoded = (text: string): string =>
  text.replaceAll(/&(\w*);?/g, (entity, name) => {
    const sign = ENTITIES[name];
    if (sign === undefined || !entity.endsWith(';')) throw new SyntaxError(`${entity} is no entity`);
    return sign;
  });

/** An element and all below it. */
export const elementsOf = (element: XmlElement): readonly XmlElement[] => [
  element,
  ...element.children.flatMap(elementsOf),
];
