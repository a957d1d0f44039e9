import type { Policy } from '../../shared/domain/policy/policy.ts';
import { approvedPattern, DIGEST_PATTERN, exemptPattern, readablePattern } from './approved-pattern.ts';

/** A regular expression as cfn-guard writes it: a slash would end it. */
const literal = (pattern: string): string => `/${pattern.replaceAll('/', '\\/')}/`;

/**
 * Rules of cfn-guard for the task definitions in a CloudFormation template: references alone, registry and digest. An image that
 * the template does not spell out, such as `!Ref`, fails: its registry and digest are unknown.
 */
export function guardRules(policy: Pick<Policy, 'approvedRegistries' | 'awsManaged'>): string {
  const approved = approvedPattern(policy);
  const exempt = exemptPattern(policy);
  const digested = exempt === undefined ? DIGEST_PATTERN : `${DIGEST_PATTERN}|${exempt}`;
  const rule = (name: string, check: string): string => `
rule ${name} when %definitions !empty {
  %definitions.Properties {
    ContainerDefinitions is_list <<the containers must be spelled out in the template>>
    ContainerDefinitions[*] {
      Image exists <<a container must name an image>>
      Image is_string <<an image must be spelled out in the template, not by a function such as Ref>>
      ${check}
    }
  }
}
`;
  return [
    "let definitions = Resources.*[ Type == 'AWS::ECS::TaskDefinition' ]\n",
    rule(
      'patchwave_references',
      `Image == ${literal(`${readablePattern}.`)} <<the image reference cannot be read (reference-readable)>>`,
    ),
    ...(approved === undefined || !policy.approvedRegistries
      ? []
      : [
          rule(
            'patchwave_registries',
            `Image == ${literal(approved)} <<the image is not in an approved registry (${policy.approvedRegistries.id})>>`,
          ),
        ]),
    rule('patchwave_digests', `Image == ${literal(digested)} <<the image names no digest (digest-required)>>`),
  ].join('');
}
