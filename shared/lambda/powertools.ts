import { Logger } from '@aws-lambda-powertools/logger';

/** One logger a function; it takes service name and level from the POWERTOOLS_ variables that the template sets. */
export const logger = new Logger();
