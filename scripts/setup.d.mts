export const ROOT: string;
export const NODE: string;
export function installNodePackages(): void;
export function installPythonPackages(name: 'cloud' | 'lint' | 'checkov' | 'custodian'): void;
export function inVenv(name: 'cloud' | 'lint' | 'checkov' | 'custodian', program: string): string;
