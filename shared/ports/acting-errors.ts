import { counted } from '../domain/common/counted.ts';
import type { Digest, ImageLocation, Registry } from '../domain/image/image.ts';
import { platformOf } from '../domain/image/workload-kind.ts';
import { type Pipeline, pipelineKey } from '../domain/policy/pipeline.ts';
import type { Scope } from '../domain/review/run.ts';
import { ClusterEndpointPrivateError, ClusterFailingError, ClusterUnreachableError } from './cluster-errors.ts';
import { adviceOn } from './errors.ts';
import type { ServiceRef } from './rollouts.ts';

/* Errors of calls that act. As in errors.ts, the names are a contract, and only a refusal (no role, no permission,
 * Region not enabled) is "unreachable". */

/** A pipeline that Patchwave is not allowed to read or start. */
export class RunnerUnreachableError extends Error {
  override readonly name = 'RunnerUnreachableError';
  readonly pipeline: Pipeline;
  constructor(pipeline: Pipeline, cause: Error) {
    super(
      `Pipeline ${pipelineKey(pipeline)} cannot be reached: ${errorText(cause)}.` +
        adviceOn(
          cause,
          'Deploy member-account.yaml in the account of the pipeline, with this pipeline in PipelineArns.',
        ),
      { cause },
    );
    this.pipeline = pipeline;
  }
}

/** An account and Region, or an EKS cluster, in which Patchwave is not allowed to deploy services. */
export class DeployerUnreachableError extends Error {
  override readonly name = 'DeployerUnreachableError';
  readonly scope: Scope;
  /** The cluster has the problem only now and then, so the step tries again. */
  readonly isPassing: boolean;
  /** The endpoint of the cluster is private. */
  readonly isPrivate: boolean;
  constructor({ account, region }: Scope, cause: Error) {
    const isOfCluster = cause instanceof ClusterUnreachableError;
    super(
      isOfCluster
        ? cause.message
        : `The services of account ${account} in ${region} cannot be deployed: ${errorText(cause)}.` +
            adviceOn(
              cause,
              'Deploy member-account.yaml there, with these services in ServiceArns and their task roles in PassedRoleArns.',
            ),
      { cause },
    );
    this.scope = { account, region };
    this.isPassing = cause instanceof ClusterFailingError;
    this.isPrivate = cause instanceof ClusterEndpointPrivateError;
  }
}

/** A registry in which Patchwave is not allowed to move tags. */
export class TaggerUnreachableError extends Error {
  override readonly name = 'TaggerUnreachableError';
  readonly registry: Registry;
  constructor({ account, region }: Registry, cause: Error) {
    super(
      `Patchwave cannot move tags in the registry of account ${account} in ${region}: ${errorText(cause)}.` +
        adviceOn(cause, 'Deploy member-account.yaml there, with this repository in PromotedRepositoryArns.'),
      { cause },
    );
    this.registry = { account, region };
  }
}

/** A service that was deleted, or whose cluster was deleted. */
export class ServiceGoneError extends Error {
  override readonly name = 'ServiceGoneError';
  constructor(service: ServiceRef, detail: string) {
    super(`Service ${serviceName(service)} no longer exists: ${detail}. Nothing is left to deploy.`);
  }
}

/** ECS answered something other than the state of a service or its absence. */
export class ServiceUnreadableError extends Error {
  override readonly name = 'ServiceUnreadableError';
  constructor(service: ServiceRef, detail: string) {
    super(`ECS could not describe service ${serviceName(service)}: ${detail}. The step tries again.`);
  }
}

/** A deployment that can never start in this form. */
export class DeploymentRefusedError extends Error {
  override readonly name = 'DeploymentRefusedError' as string;
  constructor(service: ServiceRef, detail: string, cause?: unknown) {
    super(
      `${platformOf(service.service)} refused this deployment of service ${serviceName(service)}: ${detail}. Correct that, or deploy the service yourself.`,
      {
        cause,
      },
    );
  }
}

/** An admission webhook of the cluster put another change in the place of ours, so each further attempt starts pods anew. */
export class DeploymentAlteredError extends DeploymentRefusedError {
  override readonly name = 'DeploymentAlteredError';
}

/** A service that changed since it was read, such as by somebody else: the call changed nothing. */
export class ServiceChangedError extends Error {
  override readonly name = 'ServiceChangedError';
  constructor(service: ServiceRef, detail: string) {
    super(
      `Service ${serviceName(service)} changed after Patchwave read it: ${detail}. Patchwave reads it again and decides anew.`,
    );
  }
}

/** The answer to a call that starts a deployment was lost. */
export class DeploymentUnknownError extends Error {
  override readonly name = 'DeploymentUnknownError';
  constructor(service: ServiceRef, cause: Error) {
    super(
      `A deployment of service ${serviceName(service)} may have started: ${errorText(cause)}. ` +
        'Check its deployments before you start another one.',
      { cause },
    );
  }
}

/** An image that should be tagged and no longer exists. */
export class ImageGoneError extends Error {
  override readonly name = 'ImageGoneError';
  constructor({ account, region, repository }: ImageLocation, digest: Digest, detail: string) {
    super(`Image ${digest} is not in ${account}/${region}/${repository}: ${detail}. Rebuild it, or restore it there.`);
  }
}

/** An immutable tag on another image. */
export class TagImmutableError extends Error {
  override readonly name = 'TagImmutableError';
  constructor({ account, region, repository }: ImageLocation, tag: string, cause: Error) {
    super(
      `Tag ${tag} in ${account}/${region}/${repository} cannot be moved: ${errorText(cause)}. ` +
        'Make the tag mutable in the repository, or remove `promotes` from its rule.',
      { cause },
    );
  }
}

/** A tag that ECR did not remove. */
export class TagNotTakenError extends Error {
  override readonly name = 'TagNotTakenError';
  constructor({ account, region, repository }: ImageLocation, tag: string, detail: string) {
    super(`Tag ${tag} in ${account}/${region}/${repository} was not removed: ${detail}. The next check tries again.`);
  }
}

/** A waiting step was not notified. The error text of the service is left out, because it quotes the token. */
export class StepNotAnsweredError extends Error {
  override readonly name = 'StepNotAnsweredError';
  constructor(errorName: string) {
    super(
      `The waiting step was not notified (${errorName}). The answer is in the ledger, and the step reads it there.`,
    );
  }
}

/** A successful answer without the requested data. */
export class AnswerIncompleteError extends Error {
  override readonly name = 'AnswerIncompleteError';
  constructor(call: string, of: string, missing: string) {
    super(`The answer to ${call} for ${of} lacks ${missing}. The step reads the current state, then tries again.`);
  }
}

/** Messages that a queue did not accept. */
export class MessagesNotSentError extends Error {
  override readonly name = 'MessagesNotSentError';
  constructor(
    queueUrl: string,
    failures: readonly { readonly Id?: string | undefined; readonly Code?: string | undefined }[],
  ) {
    const codes = [...new Set(failures.map(({ Code = 'no code' }) => Code))].join(', ');
    super(
      `Sending ${counted(failures.length, 'message')} to ${queueUrl} failed (${codes}). A retry sends what is missing.`,
    );
  }
}

const errorText = ({ name, message }: Error): string => `${name}: ${message.replace(/\.$/, '')}`;

const serviceName = ({ account, region, cluster, service }: ServiceRef): string =>
  `${account}/${region}/${cluster}/${service}`;
