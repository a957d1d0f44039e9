/** Who calls the API server, and what RBAC allows it. */

import type { TLSSocket } from 'node:tls';
import { ApiError } from './api-error.ts';
import type { ObjectStore } from './object-store.ts';
import { type ApiResource, isObject, type KubernetesObject, RESOURCES } from './objects.ts';

export interface Caller {
  readonly username: string;
  readonly groups: readonly string[];
}

/** The authenticator of bearer tokens: `undefined` for a token that it does not accept. */
export type TokenReviewer = (token: string) => Promise<Caller | undefined>;

const ANONYMOUS: Caller = { username: 'system:anonymous', groups: ['system:unauthenticated'] };
const MASTERS = 'system:masters';

/** Asks an authentication webhook, as kube-apiserver does with `--authentication-token-webhook-config-file`. */
export const reviewAt =
  (url: string): TokenReviewer =>
  async (token) => {
    const review = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', spec: { token } };
    const response = await fetch(url, { method: 'POST', body: JSON.stringify(review) });
    const { status } = (await response.json()) as {
      readonly status?: { readonly authenticated?: boolean; readonly user?: Caller };
    };
    return status?.authenticated === true ? status.user : undefined;
  };

/**
 * The caller by its client certificate (CN: name, O: groups) or its bearer token.
 * @throws ApiError 401
 */
export async function callerOf(
  socket: TLSSocket,
  authorization: string | undefined,
  review: TokenReviewer,
): Promise<Caller> {
  const { subject } = socket.getPeerCertificate();
  if (socket.authorized && subject?.CN !== undefined) {
    const [username] = [subject.CN].flat();
    return { username: username ?? '', groups: [...[subject.O ?? []].flat(), 'system:authenticated'] };
  }
  if (authorization === undefined) return ANONYMOUS;
  const [, token] = /^Bearer (.+)$/.exec(authorization) ?? [];
  const caller = token === undefined ? undefined : await review(token);
  if (caller === undefined) throw new ApiError(401, 'Unauthorized');
  return caller;
}

/** What a caller asks for, in the words of RBAC. */
export interface Action {
  readonly verb: string;
  readonly resource: ApiResource;
  readonly subresource?: string;
  readonly namespace?: string;
  readonly name?: string;
}

/** @throws ApiError 403 unless a role that is bound to the caller allows the action */
export function authorize(store: ObjectStore, caller: Caller, action: Action): void {
  if (caller.groups.includes(MASTERS)) return;
  const rules = rulesOf(store, caller, action.namespace);
  if (rules.some((rule) => allows(rule, action))) return;
  const { verb, resource, namespace, name, subresource } = action;
  const what = `resource "${resource.name}${subresource === undefined ? '' : `/${subresource}`}" in API group "${resource.group}"`;
  const where = namespace === undefined ? 'at the cluster scope' : `in the namespace "${namespace}"`;
  const subject = `${resource.name}${resource.group === '' ? '' : `.${resource.group}`}${name === undefined ? '' : ` "${name}"`}`;
  throw new ApiError(403, `${subject} is forbidden: User "${caller.username}" cannot ${verb} ${what} ${where}`);
}

function rulesOf(store: ObjectStore, caller: Caller, namespace: string | undefined): readonly unknown[] {
  const bindings = [
    ...store.all(RESOURCES.clusterRoleBindings),
    ...(namespace === undefined ? [] : store.all(RESOURCES.roleBindings, namespace)),
  ];
  return bindings.filter((binding) => isBound(binding, caller)).flatMap((binding) => rulesBound(store, binding));
}

function isBound({ subjects }: KubernetesObject, { username, groups }: Caller): boolean {
  return (
    Array.isArray(subjects) &&
    subjects.some(
      (subject) =>
        isObject(subject) &&
        ((subject.kind === 'User' && subject.name === username) ||
          (subject.kind === 'Group' && groups.includes(String(subject.name)))),
    )
  );
}

function rulesBound(store: ObjectStore, { roleRef, metadata }: KubernetesObject): readonly unknown[] {
  if (!isObject(roleRef)) return [];
  const isCluster = roleRef.kind === 'ClusterRole';
  const roles = isCluster ? store.all(RESOURCES.clusterRoles) : store.all(RESOURCES.roles, metadata.namespace);
  const rules = roles.find((role) => role.metadata.name === roleRef.name)?.rules;
  return Array.isArray(rules) ? rules : [];
}

function allows(rule: unknown, { verb, resource, subresource, name }: Action): boolean {
  if (!isObject(rule)) return false;
  const has = (member: string, value: string) => {
    const values = rule[member];
    return Array.isArray(values) && (values.includes('*') || values.includes(value));
  };
  const what = subresource === undefined ? resource.name : `${resource.name}/${subresource}`;
  const isNamed = !Array.isArray(rule.resourceNames) || (name !== undefined && rule.resourceNames.includes(name));
  return has('apiGroups', resource.group) && has('resources', what) && has('verbs', verb) && isNamed;
}
