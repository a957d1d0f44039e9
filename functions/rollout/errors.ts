/** Another step is starting this deployment, or may have started it. */
export class DeploymentTakenError extends Error {
  override readonly name = 'DeploymentTakenError';
  constructor(cascadeId: string, service: string) {
    super(
      `Another step already handles the deployment of ${service} in cascade ${cascadeId}. ` +
        'This step runs again and reads the result.',
    );
  }
}
