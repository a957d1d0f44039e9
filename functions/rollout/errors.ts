/** A step that came too late to begin a deployment: another one does by now, or may. */
export class DeploymentTakenError extends Error {
  override readonly name = 'DeploymentTakenError';
  constructor(cascadeId: string, service: string) {
    super(
      `The deployment of ${service} in cascade ${cascadeId} is not this step's to begin any more. ` +
        'The step is taken again, and looks what became of it.',
    );
  }
}
