/** Which webhooks of a shipped configuration an API server would call, in Node.js. */
import { Environment } from '@marcbachmann/cel-js';
import { parse as parseYaml } from 'yaml';
import * as v from '../../shared/schema.ts';
import type { PolicyRequest } from './admission-policy.ts';

const webhookSchema = v.object({
  name: v.string(),
  clientConfig: v.object({ url: v.string() }),
  failurePolicy: v.picklist(['Fail', 'Ignore']),
  rules: v.array(
    v.object({
      apiGroups: v.array(v.string()),
      apiVersions: v.array(v.string()),
      operations: v.array(v.string()),
      resources: v.array(v.string()),
    }),
  ),
  namespaceSelector: v.optional(
    v.object({
      matchExpressions: v.array(v.object({ operator: v.picklist(['In', 'NotIn']), values: v.array(v.string()) })),
    }),
  ),
  matchConditions: v.optional(v.array(v.object({ name: v.string(), expression: v.string() })), []),
});
const configurationSchema = v.object({
  kind: v.literal('ValidatingWebhookConfiguration'),
  webhooks: v.array(webhookSchema),
});

const webhooksIn = (yaml: string) => v.parse(configurationSchema, parseYaml(yaml)).webhooks;

const environment = new Environment({ unlistedVariablesAreDyn: true, enableOptionalTypes: true });

/** The names of the webhooks that are called, in their order. An expression that fails is an error. */
export function calledWebhooks(
  yaml: string,
  asked: { readonly request: PolicyRequest; readonly object: unknown; readonly oldObject?: unknown },
): readonly string[] {
  const { request, object, oldObject = null } = asked;
  const { resource, subResource, operation, namespace } = request;
  const name = subResource === undefined ? resource.resource : `${resource.resource}/${subResource}`;
  return webhooksIn(yaml).flatMap((webhook) => {
    const isListed = webhook.rules.some(
      ({ apiGroups, apiVersions, operations, resources }) =>
        apiGroups.includes(resource.group) &&
        apiVersions.includes(resource.version) &&
        operations.includes(operation) &&
        resources.includes(name),
    );
    const selected = webhook.namespaceSelector?.matchExpressions ?? [];
    const isSelected = selected.every(({ operator, values }) => values.includes(namespace) === (operator === 'In'));
    if (!isListed || !isSelected) return [];
    const known = { object, oldObject, request: { ...request, subResource: subResource ?? '' } };
    return webhook.matchConditions.every(({ expression }) => environment.evaluate(expression, known) === true)
      ? [webhook.name]
      : [];
  });
}
