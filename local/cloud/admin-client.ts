/** The admin routes of the embedded cloud (`cloud/admin/`), typed: what AWS has no call for. */

import type {
  ArchivedPackage,
  CallCount,
  ClusterChange,
  ClusterPlace,
  DeclaredPipeline,
  EventFault,
  Faults,
  ImagePast,
  IssuedCertificate,
  KnownVulnerability,
  PipelineJob,
  PipelineReport,
  RegistrySettings,
  ServiceChange,
  ServiceEvent,
  TaskChange,
} from './admin-types.ts';

/** An admin route refused a request; the message is its answer. */
export class CloudAdminError extends Error {
  override readonly name = 'CloudAdminError';
}

export class CloudAdmin {
  readonly #endpoint: string;

  constructor(endpoint: string) {
    this.#endpoint = endpoint;
  }

  /** Publishes events as an AWS service to the default bus of an account and Region, past all faults. */
  async publishServiceEvents(account: string, region: string, entries: readonly ServiceEvent[]): Promise<void> {
    await this.#ask('POST', 'service-events', { account, region, entries });
  }

  /** All calls since the start or since they were last cleared. */
  async calls(): Promise<readonly CallCount[]> {
    return (await this.#ask('GET', 'calls')) as readonly CallCount[];
  }

  /** Counts a call that a server beside the cloud answered. */
  async recordCall(call: Pick<CallCount, 'account' | 'region' | 'service' | 'operation' | 'principal'>): Promise<void> {
    await this.#ask('POST', 'calls', call);
  }

  async clearCalls(): Promise<void> {
    await this.#ask('DELETE', 'calls');
  }

  /** Sets the faults from now on, in the place of earlier ones. */
  async setFaults(faults: Faults): Promise<void> {
    await this.#ask('PUT', 'faults', faults);
  }

  async endFaults(): Promise<void> {
    await this.#ask('DELETE', 'faults');
  }

  /** How many of the kills that were set have been made. */
  async killsMade(): Promise<number> {
    return ((await this.#ask('GET', 'faults')) as { killsMade: number }).killsMade;
  }

  /** The events of AWS services that were lost, doubled or delayed since the faults were set. */
  async eventFaultsMade(): Promise<readonly EventFault[]> {
    return ((await this.#ask('GET', 'faults')) as { events: readonly EventFault[] }).events;
  }

  /** Ends the execution environments of all functions, of every version: what one keeps in memory is gone. */
  async endEnvironments(): Promise<void> {
    await this.#ask('DELETE', 'environments');
  }

  /** Adds environment variables to every version of a function, and ends its execution environments. */
  async setVariables(functionName: string, variables: Readonly<Record<string, string>>): Promise<void> {
    await this.#ask('PUT', 'environments', { function: functionName, variables });
  }

  /** The environment variables of a function, with a session of its role. */
  async variablesOf(functionName: string): Promise<Readonly<Record<string, string>>> {
    const answer = await this.#ask('POST', 'environments', { function: functionName });
    return (answer as { variables: Readonly<Record<string, string>> }).variables;
  }

  /** Replaces the scanner's list. Scans that are complete keep their findings. */
  async setVulnerabilities(vulnerabilities: readonly KnownVulnerability[]): Promise<void> {
    await this.#ask('PUT', 'vulnerabilities', { vulnerabilities });
  }

  /** Replaces what package archives offer; the fix of each known vulnerability is there without being declared. */
  async setArchive(packages: readonly ArchivedPackage[]): Promise<void> {
    await this.#ask('PUT', 'archive', { packages });
  }

  /** Those of the packages (name to version) that have a newer version in the archive, with the newest one. */
  async newestPackages(
    distribution: 'debian' | 'alpine',
    packages: Readonly<Record<string, string>>,
  ): Promise<Readonly<Record<string, string>>> {
    const answer = await this.#ask('POST', 'archive/newest', { distribution, packages });
    return (answer as { packages: Readonly<Record<string, string>> }).packages;
  }

  async givePast(past: ImagePast): Promise<void> {
    await this.#ask('POST', 'images', past);
  }

  async setRegistry(settings: RegistrySettings): Promise<void> {
    await this.#ask('POST', 'registries', settings);
  }

  async changeTask(change: TaskChange): Promise<void> {
    await this.#ask('POST', 'tasks', change);
  }

  async changeService(change: ServiceChange): Promise<void> {
    await this.#ask('POST', 'services', change);
  }

  /** How long a deployment of a service stays in progress once its tasks run; 100 ms unless set. */
  async setDeploymentTime(deploymentMs: number): Promise<void> {
    await this.#ask('PUT', 'deployments', { deploymentMs });
  }

  /** Changes what EKS tells of a cluster. */
  async changeCluster(change: ClusterChange): Promise<void> {
    await this.#ask('PUT', 'kubernetes', change);
  }

  /** The certificate authority (PEM) of an EKS cluster, and the URL that tells its API server whose a bearer token is. */
  async clusterAuthority(
    cluster: ClusterPlace,
  ): Promise<{ readonly certificateAuthority: string; readonly tokenReviewUrl: string }> {
    const answer = (await this.#ask('POST', 'kubernetes', cluster)) as Record<string, string>;
    const { certificateAuthority = '', tokenReviewPath = '' } = answer;
    return { certificateAuthority, tokenReviewUrl: `${this.#endpoint}${tokenReviewPath}` };
  }

  /** A certificate of a cluster's authority: for a server if `hosts` names its names and addresses, else for a client. */
  async issueCertificate(
    cluster: ClusterPlace,
    subject: {
      readonly commonName: string;
      readonly organizations?: readonly string[];
      readonly hosts?: readonly string[];
    },
  ): Promise<IssuedCertificate> {
    return (await this.#ask('POST', 'kubernetes/certificates', { ...cluster, ...subject })) as IssuedCertificate;
  }

  /** Makes pipelines, or changes those that are there: their executions stay. */
  async declarePipelines(pipelines: readonly DeclaredPipeline[]): Promise<void> {
    await this.#ask('PUT', 'pipelines', { pipelines });
  }

  /** Takes the oldest waiting action, so that no other builder gets it; undefined if none comes in time. */
  async takeJob(waitMs: number): Promise<PipelineJob | undefined> {
    const { job } = (await this.#ask('POST', 'builds/take', { waitMs })) as { job?: PipelineJob };
    return job;
  }

  /** `false` when the action was abandoned meanwhile. */
  async reportJob(job: PipelineJob, report: PipelineReport): Promise<boolean> {
    const { account, region, pipeline, executionId, stage } = job;
    const body = { account, region, pipeline, executionId, stage, ...report };
    return ((await this.#ask('POST', 'builds/report', body)) as { accepted: boolean }).accepted;
  }

  /**
   * Sets the clock of queues, alarms and time-outs of executions forward. Functions, the ledger and schedules keep theirs.
   * @returns that clock, in milliseconds since the epoch
   */
  async setClockForward(forwardSeconds: number): Promise<number> {
    return ((await this.#ask('PUT', 'clock', { forwardSeconds })) as { epochSeconds: number }).epochSeconds * 1000;
  }

  async #ask(method: string, route: string, body?: unknown): Promise<unknown> {
    const request = body === undefined ? { method } : { method, body: JSON.stringify(body) };
    const response = await fetch(`${this.#endpoint}/_patchwave/${route}`, request);
    const text = await response.text();
    if (!response.ok) throw new CloudAdminError(`${method} ${route}: ${response.status} ${text}`);
    return JSON.parse(text);
  }
}
