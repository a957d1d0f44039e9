/** A step that came too late to begin a deployment: another one does by now, or may. */
export class DeploymentTakenError extends Error {
  override readonly name = 'DeploymentTakenError';
  constructor(cascadeId: string, service: string) {
    super(
      `Another step already handles the deployment of ${service} in cascade ${cascadeId}. ` +
        'This step runs again and reads the result.',
    );
  }
}
