/** A build would refuse the Dockerfile, or it is written for another front end: nothing in it can be judged. */
export class DockerfileError extends Error {
  override readonly name = 'DockerfileError';
  readonly line: number;

  constructor(line: number, problem: string) {
    super(problem);
    this.line = line;
  }
}

/** The value of a word depends on what only the build knows. */
export class UnknownValueError extends Error {
  override readonly name = 'UnknownValueError';
}
