import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Probe } from '../../local/cloud/probe.ts';

const namesIn = (folder: string, extension: string): string[] =>
  readdirSync(fileURLToPath(new URL(`../../local/cloud/${folder}`, import.meta.url)))
    .filter((file) => file.endsWith(extension) && !file.startsWith('_'))
    .map((file) => file.slice(0, -extension.length))
    .sort();

export const restores = namesIn('restores', '.py');
export const probes = namesIn('probes', '.ts');

export const loadProbe = async (name: string): Promise<Probe> =>
  (await import(`../../local/cloud/probes/${name}.ts`)).default;
