export const ROOT: string;
export const NODE: string;
export function installNodePackages(): void;
export function installPythonPackages(name: 'cloud' | 'lint' | 'checkov'): void;
export function inVenv(name: 'cloud' | 'lint' | 'checkov', program: string): string;
