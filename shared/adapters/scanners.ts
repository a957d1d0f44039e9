import type { ECRClient } from '@aws-sdk/client-ecr';
import type { Scanner } from '../ports/scanner.ts';
import type { RegionalClients } from './clients.ts';
import { readEnhanced } from './ecr-enhanced.ts';
import { EcrScanner } from './ecr-scanner.ts';

/**
 * The scanner of each registry: Amazon ECR's own, with basic or enhanced scanning. Every function uses it from here.
 */
export const registryScanner = (clients: RegionalClients<ECRClient>): Scanner => new EcrScanner(clients, readEnhanced);
