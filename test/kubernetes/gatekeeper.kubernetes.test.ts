import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from '@jest/globals';
import { parseAllDocuments } from 'yaml';
import { gatekeeperDoor, manifestFor, mergedList } from '../support/conformance/admission-policy-door.ts';
import { allowedLists } from '../support/conformance/allowed-lists.ts';
import { type ConformanceCase, conformanceCases } from '../support/conformance/cases.ts';
import { notExpressed } from '../support/conformance/matrix.ts';
import { admissionReviewOf } from '../support/conformance/webhook-door.ts';
import { gatekeeperObjects } from '../support/constraint-definition.ts';
import { programs } from '../support/kubernetes-programs.ts';
import { digestOf } from '../support/samples.ts';

/* The conformance cases, put by Gatekeeper's own tool to the constraints of `enforcement:build`, as they are shipped. */

const listed = notExpressed();
/** Gatekeeper is not asked about a deletion, unless its own configuration is changed. */
const cases = conformanceCases().filter(
  (one) => gatekeeperDoor.can(one) && !listed.has(`gatekeeper ${one.id}`) && one.review?.operation !== 'DELETE',
);

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'patchwave-gatekeeper-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Constraint {
  readonly spec: { readonly enforcementAction: 'deny' | 'warn'; readonly parameters: object };
}

/** The tests of a suite for one case: one for each constraint. A case whose doors are off has no manifest. */
function testsOf(one: ConformanceCase): object[] {
  const text = manifestFor('gatekeeper', one.situation.policy, one.place);
  if (text === undefined) return [];
  const write = (name: string, value: unknown): string => {
    writeFileSync(join(folder, name), JSON.stringify(value));
    return name;
  };
  const [template, ...constraints] = parseAllDocuments(text).map((document): unknown => document.toJS());
  const templateFile = write(`${one.id}.template.yaml`, template);
  const { decision, rule } = one.expect;
  const cited = gatekeeperDoor.rule?.(rule, one) ?? rule;
  return (constraints as Constraint[]).flatMap((constraint) => {
    const { enforcementAction, parameters } = constraint.spec;
    // What is denied may be warned of too, if the image is judged by another rule that only warns.
    if (decision === 'deny' && enforcementAction === 'warn') return [];
    const isBroken = enforcementAction === decision;
    const named = {
      ...constraint,
      spec: { ...constraint.spec, parameters: { ...parameters, allowed: mergedList(allowedLists(one)) } },
    };
    return [
      {
        name: `${one.id} ${enforcementAction}`,
        template: templateFile,
        constraint: write(`${one.id}.${enforcementAction}.yaml`, named),
        cases: [
          {
            name: decision,
            object: write(`${one.id}.review.yaml`, reviewOf(one)),
            assertions: [{ violations: isBroken ? 'yes' : 'no', ...(isBroken && { message: `\\(${cited}\\)` }) }],
          },
        ],
      },
    ];
  });
}

/** The API server has written namespace and time into the object before it asks. */
function reviewOf(one: ConformanceCase): object {
  const review = admissionReviewOf(one);
  const creationTimestamp = new Date(one.situation.nowEpochMs).toISOString();
  const { apiVersion } = review;
  const stored = (object: unknown) =>
    object === null
      ? null
      : {
          ...{ apiVersion: review.request.kind.group === '' ? 'v1' : `${review.request.kind.group}/v1` },
          kind: review.request.kind.kind,
          ...(object as object),
          metadata: {
            name: 'web',
            namespace: one.place.namespace,
            creationTimestamp,
            ...(object as { metadata?: object }).metadata,
          },
        };
  const { object, oldObject } = review.request;
  return {
    ...{ apiVersion, kind: 'AdmissionReview' },
    request: { ...review.request, object: stored(object), oldObject: stored(oldObject) },
  };
}

test('Gatekeeper answers each case that it can express as due', async () => {
  const { gator } = await programs();
  const tests = cases.flatMap(testsOf);
  const suite = { apiVersion: 'test.gatekeeper.sh/v1alpha1', kind: 'Suite', metadata: { name: 'conformance' }, tests };
  const file = join(folder, 'suite.yaml');
  writeFileSync(file, JSON.stringify(suite));
  const { status, stdout, stderr } = spawnSync(gator, ['verify', file, '-v'], { encoding: 'utf8', maxBuffer: 1 << 26 });
  const failed = stdout.split('\n').filter((line) => /FAIL:|error|unexpected/i.test(line));
  expect({ failed, stderr }).toEqual({ failed: [], stderr: '' });
  expect(status).toBe(0);
  const decided = new Set([...stdout.matchAll(/--- PASS: (\S+) /g)].map(([, id]) => id));
  // Where the doors of a case are off, there is no constraint.
  const put = cases.filter((one) => testsOf(one).length > 0).map(({ id }) => id);
  expect([...decided].sort()).toEqual(put.sort());
  expect(put.length).toBeGreaterThanOrEqual(180);
}, 120_000);

test('a constraint without a list refuses no new pod for its digest, and warns', async () => {
  const { gator } = await programs();
  const write = (name: string, value: unknown): string => {
    writeFileSync(join(folder, name), JSON.stringify(value));
    return name;
  };
  const [template, ...constraints] = gatekeeperObjects();
  const templateFile = write('unlisted.template.yaml', template);
  const image = `registry.example/team/web@${digestOf('unlisted')}`;
  const pod = {
    ...{ apiVersion: 'v1', kind: 'Pod' },
    metadata: { name: 'web', namespace: 'shop', creationTimestamp: '2026-11-29T00:00:00Z' },
    spec: { containers: [{ name: 'web', image }] },
  };
  const review = {
    ...{ apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview' },
    request: {
      ...{ uid: '1', kind: { group: '', version: 'v1', kind: 'Pod' }, operation: 'CREATE' },
      ...{ name: 'web', namespace: 'shop', object: pod, userInfo: { username: 'somebody' } },
    },
  };
  const object = write('unlisted.review.yaml', review);
  const tests = constraints.map((constraint) => {
    const isWarned = constraint.metadata.name.endsWith('-warn');
    return {
      ...{ name: constraint.metadata.name, template: templateFile },
      constraint: write(`unlisted.${constraint.metadata.name}.yaml`, constraint),
      cases: [
        {
          ...{ name: 'new pod', object },
          assertions: isWarned
            ? ['digest-allowed', 'list-current'].map((rule) => ({ violations: 1, message: `\\(${rule}\\)` }))
            : [{ violations: 'no' }],
        },
      ],
    };
  });
  const suite = { apiVersion: 'test.gatekeeper.sh/v1alpha1', kind: 'Suite', metadata: { name: 'unlisted' }, tests };
  const { status, stdout } = spawnSync(gator, ['verify', join(folder, write('unlisted.yaml', suite)), '-v'], {
    encoding: 'utf8',
  });
  expect(stdout.match(/--- PASS: patchwave-images-\S+/g)).toHaveLength(2);
  expect(status).toBe(0);
}, 60_000);
