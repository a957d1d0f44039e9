import type { ConformanceCase } from './cases.ts';
import { admitDoor } from './doors.ts';
import { generatedSituations } from './generated.ts';
import { textOf } from './matrix.ts';
import { ReferenceTables } from './reference-table.ts';
import { decidedByTables, type Expected, type Situation } from './situation.ts';
import { webhookDoor } from './webhook-door.ts';

const PLACE = { account: '444455556666', region: 'eu-west-1', cluster: 'prod', namespace: 'shop' };

/** One that decides, with what it can be asked about. */
export interface Decider {
  readonly subjects: readonly Situation['subject'][];
  decide(situation: Situation): Promise<Expected>;
}

/** The decision itself. It does not know workloads that make pods later. */
export const theDecision: Decider = {
  subjects: ['starts'],
  decide: (situation) => admitDoor.decide(caseOf(situation)),
};

/** The webhook, asked by an API server about a pod, or about a Deployment. */
export const theWebhook: Decider = {
  subjects: ['starts', 'starts', 'template'],
  decide: (situation) => webhookDoor.decide(caseOf(situation)),
};

/** As it is put to a door. */
function caseOf(situation: Situation): ConformanceCase {
  const spec = { containers: situation.asked.map(({ text }, number) => ({ name: `c${number}`, image: text })) };
  const isPod = situation.subject === 'starts';
  const review = {
    ...(isPod ? { kind: 'Pod', object: { spec } } : { kind: 'Deployment', object: { spec: { template: { spec } } } }),
    ...({ operation: 'CREATE', dryRun: false } as const),
  };
  return {
    ...{ id: 'generated', title: 'by chance', subject: 'generated', place: PLACE, runsElsewhere: [] },
    ...{ review, situation, expect: { decision: 'allow' } },
  };
}

/** What was found to agree. */
export interface Agreement {
  /** By decision. */
  readonly decisions: ReadonlyMap<string, number>;
  readonly tables: ReferenceTables;
}

/**
 * Compares decisions on situations by chance with the tables.
 * @throws Error on the first difference, with everything to repeat it
 */
export async function agreementOn(seed: number, count: number, { subjects, decide }: Decider): Promise<Agreement> {
  const tables = new ReferenceTables();
  const decisions = new Map<string, number>();
  let number = 0;
  for (const situation of generatedSituations(seed, count, subjects)) {
    const said = await decide(situation);
    const due = decidedByTables(situation, tables);
    if (textOf(due) !== textOf(said))
      throw new Error(
        `Situation ${number} of seed ${seed}: due is ${textOf(due)}, said is ${textOf(said)}. ${shown(situation)}`,
      );
    decisions.set(said.decision, (decisions.get(said.decision) ?? 0) + 1);
    number += 1;
  }
  return { decisions, tables };
}

const shown = ({ policy: _, images, indexes, presences, ...others }: Situation): string =>
  JSON.stringify({ ...others, images: [...images], indexes: [...indexes], presences: [...presences] });
