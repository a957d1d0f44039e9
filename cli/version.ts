import packageJson from '../package.json' with { type: 'json' };

/** Version of the command and of the project. */
export const VERSION: string = packageJson.version;
