import { counted } from '../../shared/domain/common/counted.ts';
import type { Command } from '../command.ts';
import { examine } from '../doctor/examine.ts';
import type { DoctorFinding } from '../doctor/finding.ts';
import type { DoctorPorts } from '../doctor/ports.ts';
import { renderFindings } from '../doctor/render.ts';
import { EXIT } from '../errors.ts';
import { print, printJson, widthOfTerminal } from '../output.ts';
import { installationAt, type Where } from '../where.ts';

const DEFAULT_WIDTH = 80;

/**
 * Creates the command for any installation.
 * @param connect connects to the installation that `--stack` and `--region` name
 */
export const doctorCommandOf = (connect: (where: Where) => DoctorPorts | Promise<DoctorPorts>): Command => ({
  summary:
    'Checks the installation: what works, what does not, and how to fix it. Exit code 1: something is broken; 4: a check could not be made.',
  synopsis: '[--deep]',
  words: [0, 0],
  options: { deep: { type: 'boolean' } },
  optionHelp: { deep: 'also tests AWS behaviour that AWS does not document, and prints the answers' },
  async run(_, { flags: { stack, region, deep }, json }) {
    const ports = await connect({
      stack: typeof stack === 'string' ? stack : undefined,
      region: typeof region === 'string' ? region : undefined,
    });
    const { findings, testEvents } = await examine(ports, deep === true);
    if (json) printJson({ stack: ports.stackName, version: ports.version, findings, testEvents });
    else {
      print(renderFindings(findings, widthOfTerminal(process.stdout) ?? DEFAULT_WIDTH));
      print(`${counted(testEvents, 'marked test event')} sent; nothing else was changed.`);
    }
    return exitCodeOf(findings);
  },
});

/** A check that could not run never counts as ok. */
function exitCodeOf(findings: readonly DoctorFinding[]): number {
  if (findings.some(({ state }) => state === 'broken')) return EXIT.failed;
  return findings.some(({ state }) => state === 'unknown') ? EXIT.unknown : EXIT.done;
}

export const doctorCommand = doctorCommandOf(async (where) => {
  const { stack, config } = installationAt(where);
  // Loaded late: it makes the clients of a dozen services.
  const { doctorPorts } = await import('../doctor/connect.ts');
  return doctorPorts(stack, config);
});
