/** How the expressions of one kind of door name what they decide on. */
export interface Subject {
  /** The object, and the one before an update; `null` for a new object. */
  readonly object: string;
  readonly before: string;
  readonly kind: string;
  readonly namespace: string;
  /** The list of allowed images. */
  readonly list: string;
}

/** In a ValidatingAdmissionPolicy. */
export const API_SERVER: Subject = {
  object: 'object',
  before: 'oldObject',
  kind: 'request.kind.kind',
  namespace: 'request.namespace',
  list: 'params.spec',
};

/** In a ConstraintTemplate of Gatekeeper, which also looks at what is there already, without a request. */
export const GATEKEEPER: Subject = {
  object: 'variables.anyObject',
  before: 'oldObject',
  kind: 'variables.anyObject.kind',
  namespace: "variables.anyObject.metadata.?namespace.orValue('')",
  list: 'variables.allowed',
};
