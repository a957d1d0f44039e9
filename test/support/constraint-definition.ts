import { parseAllDocuments } from 'yaml';
import { buildFiles } from '../../enforcement/build/build-files.ts';
import type { KubernetesObject } from '../../local/kubernetes/objects.ts';
import { CONSTRAINT, CONSTRAINT_NAMES, CONSTRAINT_RESOURCE } from '../../shared/domain/admission/allowed-images.ts';
import { doorPolicy } from './door-world.ts';

const [GROUP, VERSION] = CONSTRAINT.apiVersion.split('/');
const policy = doorPolicy({ mode: 'warn', rules: [{ namespaces: ['shop'], mode: 'deny' }] });

/** gatekeeper.yaml, as it is shipped: the template and both constraints. */
export const gatekeeperObjects = (): readonly KubernetesObject[] =>
  parseAllDocuments(buildFiles(policy, { clusters: [], shardCount: 1 }).get('kubernetes/gatekeeper.yaml') ?? '').map(
    (document) => document.toJS() as KubernetesObject,
  );

/** A constraint of gatekeeper.yaml. */
export function shippedConstraint(name: string): KubernetesObject {
  const found = gatekeeperObjects().find(({ metadata }) => metadata.name === name);
  if (!found) throw new Error(`gatekeeper.yaml has no ${name}, only ${CONSTRAINT_NAMES.join(' and ')}`);
  return found;
}

interface Template {
  readonly spec: { readonly crd: { readonly spec: { readonly validation: { readonly openAPIV3Schema: object } } } };
}

/**
 * What Gatekeeper 3.23 makes of the template: the schema of the parameters as it is, beside its own, whose `match` is left open
 * here. https://github.com/open-policy-agent/frameworks/tree/master/constraint/pkg/client/crds
 */
export function constraintDefinition(): KubernetesObject {
  const [template] = gatekeeperObjects();
  const parameters = (template as unknown as Template).spec.crd.spec.validation.openAPIV3Schema;
  const match = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
  const enforcementAction = { type: 'string', default: 'deny' };
  const metadata = { type: 'object', properties: { name: { type: 'string', maxLength: 63 } } };
  const spec = { type: 'object', properties: { match, enforcementAction, parameters } };
  const status = { 'x-kubernetes-preserve-unknown-fields': true };
  const schema = { openAPIV3Schema: { type: 'object', properties: { metadata, spec, status } } };
  const common = { served: true, schema, subresources: { status: {} } };
  return {
    ...{ apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition' },
    metadata: { name: `${CONSTRAINT_RESOURCE}.${GROUP}`, labels: { 'gatekeeper.sh/constraint': 'yes' } },
    spec: {
      ...{ group: GROUP, scope: 'Cluster', preserveUnknownFields: false },
      names: {
        ...{ kind: CONSTRAINT.kind, listKind: `${CONSTRAINT.kind}List` },
        ...{ plural: CONSTRAINT_RESOURCE, singular: CONSTRAINT_RESOURCE, categories: ['constraint', 'constraints'] },
      },
      versions: [
        { name: VERSION, storage: true, ...common },
        { name: 'v1alpha1', storage: false, ...common },
      ],
    },
  };
}
