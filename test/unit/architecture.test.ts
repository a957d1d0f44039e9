import { readdirSync, readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { dirname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { WORKLOAD_KINDS, WORKLOAD_SOURCES } from '../../shared/domain/image/workload-kind.ts';
import { RUNNER_KINDS } from '../../shared/domain/policy/pipeline.ts';
import { SCANNERS } from '../contract/scanner.contract.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

interface Source {
  /** From the project's root. */
  readonly path: string;
  readonly text: string;
  /** Without comments: reasons may name what code may not. */
  readonly code: string;
  /** Files of the project by path, packages and Node's modules by name. */
  readonly imports: readonly string[];
  /** Without `import type`, which leaves nothing in a bundle. */
  readonly valueImports: readonly string[];
}

const IMPORT =
  /^(?:import|export)(?<type> type)?\b[^;'"]*?\bfrom\s+'(?<from>[^']+)'|^import\s+'(?<alone>[^']+)'|\bimport\(\s*'(?<dynamic>[^']+)'/gm;

function readSources(folder: string): Source[] {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => readSource(join(folder, file)));
}

function readSource(path: string): Source {
  const text = readFileSync(join(ROOT, path), 'utf8');
  const code = text.replaceAll(/\/\*[\s\S]*?\*\/|(^|\s)\/\/.*$/gm, '$1');
  const found = [...code.matchAll(IMPORT)].map(({ groups }) => ({
    name: resolve(path, groups?.from ?? groups?.alone ?? groups?.dynamic ?? ''),
    isType: groups?.type !== undefined,
  }));
  return {
    path,
    text,
    code,
    imports: found.map(({ name }) => name),
    valueImports: found.filter(({ isType }) => !isType).map(({ name }) => name),
  };
}

const resolve = (path: string, name: string): string =>
  name.startsWith('.') ? normalize(join(dirname(path), name)) : name;

const shared = readSources('shared');
const functions = readSources('functions');
const cli = readSources('cli');
const enforcement = readSources('enforcement');
const shipped = [...shared, ...functions, ...cli];

/** `path -> import` for every import that no pattern allows. */
const strangers = (sources: readonly Source[], allowed: readonly (RegExp | ((path: string) => RegExp))[]): string[] =>
  sources.flatMap(({ path, imports }) =>
    imports
      .filter((name) => !allowed.some((rule) => (typeof rule === 'function' ? rule(path) : rule).test(name)))
      .map((name) => `${path} -> ${name}`),
  );
const inFolder = (folder: string) => shared.filter(({ path }) => path.startsWith(`shared/${folder}/`));

const PACKAGE = /^(?!shared\/|functions\/|cli\/|local\/|test\/|bench\/|scripts\/)/;
const DOMAIN = /^shared\/domain\//;
const PORTS = /^shared\/ports\//;
const EVENTS = /^shared\/events\//;
/** Helpers of one file each, without a layer: concurrency and the like. */
const HELPERS = /^shared\/[\w-]+\.ts$/;
const SCHEMA = /^shared\/schema\.ts$/;
/** Use cases over ports that more than one function needs. */
const USE_CASES = /^shared\/(review|judging|inventory|scanning|rebuilding|planning)\//;

describe('dependencies point inward', () => {
  test.each([
    ['domain', [DOMAIN, SCHEMA, /^yaml$/, /^node:crypto$/]],
    ['ports', [PORTS, DOMAIN]],
    ['events', [EVENTS, DOMAIN, PORTS, SCHEMA]],
    ['adapters', [/^shared\/adapters\//, PORTS, DOMAIN, EVENTS, HELPERS, PACKAGE]],
    ['review', [USE_CASES, PORTS, DOMAIN, HELPERS]],
    ['inventory', [USE_CASES, PORTS, DOMAIN, HELPERS]],
    ['scanning', [USE_CASES, PORTS, DOMAIN, HELPERS]],
    ['rebuilding', [USE_CASES, PORTS, DOMAIN, HELPERS]],
    ['judging', [USE_CASES, PORTS, DOMAIN, HELPERS]],
    ['planning', [USE_CASES, PORTS, DOMAIN, HELPERS]],
    ['lambda', [/^shared\//, PACKAGE]],
  ])('shared/%s imports no outer layer', (folder, allowed) => {
    expect(inFolder(folder).length).toBeGreaterThan(0);
    expect(strangers(inFolder(folder), allowed)).toEqual([]);
  });

  test('a function imports its own folder and shared/, never another function', () => {
    const own = (path: string) => new RegExp(`^functions/${path.split('/')[1]}/`);
    expect(functions.length).toBeGreaterThan(0);
    expect(strangers(functions, [own, /^shared\//, PACKAGE])).toEqual([]);
  });

  test('the checks of doctor see only what was read', () => {
    const checks = cli.filter(({ path }) => path.startsWith('cli/doctor/checks/'));
    expect(checks.length).toBeGreaterThan(0);
    expect(strangers(checks, [DOMAIN, /^cli\/doctor\/(checks\/[\w-]+|finding|installation|reading)\.ts$/])).toEqual([]);
  });

  test('adapters and SDK clients are chosen in handlers only; a use case sees ports', () => {
    const useCases = functions.filter(({ path }) => !path.endsWith('/handler.ts'));
    const reaching = useCases.flatMap(({ path, valueImports }) =>
      valueImports
        .filter((name) => name.startsWith('shared/adapters/') || name.startsWith('@aws-sdk/client-'))
        .map((name) => `${path} -> ${name}`),
    );
    expect(reaching).toEqual([]);
  });

  test('what writes manifests of doors decides by the domain alone, and reads the policy and helps as the commands do', () => {
    expect(enforcement.length).toBeGreaterThan(0);
    const allowed = [
      /^enforcement\//,
      DOMAIN,
      /^cli\/(errors|help|output|policy\/policy-file)\.ts$/,
      /^yaml$/,
      /^node:/,
    ];
    expect(strangers(enforcement, allowed)).toEqual([]);
  });

  test('deployed code imports only deployed code', () => {
    const tools = /^(local|test|bench|scripts)\//;
    expect(
      shipped.flatMap(({ path, imports }) => imports.filter((name) => tools.test(name)).map((name) => [path, name])),
    ).toEqual([]);
  });

  test("Node's own modules are imported by their full name", () => {
    const bare = new Set(builtinModules.filter((name) => !name.startsWith('node:')));
    expect(shipped.flatMap(({ path, imports }) => imports.filter((name) => bare.has(name)).map(() => path))).toEqual(
      [],
    );
  });
});

/** Rooms of the domain, ground first. A room imports only itself and the rooms before it. */
const ROOMS = [
  ...[
    'common',
    'image',
    'policy',
    'stream',
    'dockerfile',
    'lineage',
    'scan',
    'age',
    'verdict',
    'admission',
    'cause',
    'retention',
  ],
  ...['review', 'guard', 'attribution', 'rollout', 'outbox', 'plan', 'report'],
];
const roomOf = (path: string): string | undefined => /^shared\/domain\/([^/]+)\//.exec(path)?.[1];

/** `path -> import` for every import from one room of a later room. */
const againstTheOrder = (sources: readonly Pick<Source, 'path' | 'imports'>[]): string[] =>
  sources.flatMap(({ path, imports }) =>
    imports
      .filter((name) => ROOMS.indexOf(roomOf(name) ?? '') > ROOMS.indexOf(roomOf(path) ?? ''))
      .map((name) => `${path} -> ${name}`),
  );

/** Groups of files that reach each other by imports, type-only imports included (Tarjan's components). */
function circles(sources: readonly Pick<Source, 'path' | 'imports'>[]): string[][] {
  const imports = new Map(sources.map((source) => [source.path, source.imports]));
  const order = new Map<string, number>();
  const open: string[] = [];
  const found: string[][] = [];
  const visit = (path: string): number => {
    const own = order.size;
    order.set(path, own);
    open.push(path);
    let low = own;
    for (const next of imports.get(path) ?? []) {
      if (!imports.has(next)) continue;
      if (!order.has(next)) low = Math.min(low, visit(next));
      else if (open.includes(next)) low = Math.min(low, order.get(next) ?? low);
    }
    if (low === own) {
      const component = open.splice(open.indexOf(path));
      if (component.length > 1) found.push(component.sort());
    }
    return low;
  };
  for (const path of imports.keys()) if (!order.has(path)) visit(path);
  return found;
}

describe('rooms', () => {
  test('each file of the domain is in a room', () => {
    const outside = inFolder('domain').filter(({ path }) => !ROOMS.includes(roomOf(path) ?? ''));
    expect(outside.map(({ path }) => path)).toEqual([]);
  });

  test('a room of the domain imports no later room', () => {
    expect(againstTheOrder(inFolder('domain'))).toEqual([]);
  });

  test('an import of a later room, and a circle of files, is found', () => {
    const [image, plan] = ['shared/domain/image/image.ts', 'shared/domain/plan/plan.ts'];
    const wrong = [
      { path: image, imports: [plan] },
      { path: plan, imports: [image] },
    ];
    expect(againstTheOrder(wrong)).toEqual([`${image} -> ${plan}`]);
    expect(circles(wrong)).toEqual([[image, plan]]);
  });

  test('no files import each other in a circle, not even for their types', () => {
    const everything = [...shipped, ...['local', 'bench', 'scripts', 'test'].flatMap(readSources)];
    expect(circles(everything)).toEqual([]);
  });
});

/** `path:line: text` of every line of code that matches. */
const lines = (sources: readonly Source[], pattern: RegExp): string[] =>
  sources.flatMap(({ path, code }) =>
    code
      .split('\n')
      .map((line, index) => ({ line, at: `${path}:${index + 1}` }))
      .filter(({ line }) => pattern.test(line))
      .map(({ line, at }) => `${at}: ${line.trim()}`),
  );

describe('the world comes in at one place', () => {
  test('the environment is read by env.ts and the command line only', () => {
    const readers = /\/env\.ts$|^cli\/(where|main)\.ts$/;
    expect(
      lines(
        shipped.filter(({ path }) => !readers.test(path)),
        /process\.env/,
      ),
    ).toEqual([]);
  });

  test('SDK clients are made in clients.ts only', () => {
    const others = [...shared, ...functions].filter(({ path }) => path !== 'shared/adapters/clients.ts');
    expect(lines(others, /new \w+Client\(/)).toEqual([]);
  });

  test('the domain has no clock, no chance and no I/O of its own', () => {
    expect(lines(inFolder('domain'), /Date\.now|new Date\(\)|Math\.random|performance\.|\bfetch\(|console\./)).toEqual(
      [],
    );
  });
});

/** Each kind of runner and of workload, with the files that may name it: its registry, its adapter and its events. */
const HOMES = [
  ...RUNNER_KINDS.map((kind) => ({
    kind,
    home: new RegExp(
      `^shared/(domain/policy/pipeline|adapters/(runners|${kind}-\\w+)|events/(run-events|${kind}-\\w+)).ts$`,
    ),
  })),
  ...WORKLOAD_KINDS.map((kind) => ({
    kind,
    home: new RegExp(
      `^shared/(domain/image/workload-kind|adapters/(${WORKLOAD_SOURCES.join('|')})-(workloads|templates|rules|schedules)).ts$`,
    ),
  })),
];

const contractTests = readSources('test/contract');

/** Test files that run a contract suite; one that only imports it runs nothing. */
const running = (suite: string): readonly Source[] => {
  const path = `test/contract/${suite}.contract.ts`;
  const { code = '' } = contractTests.find((source) => source.path === path) ?? {};
  const [, run = suite] = /^export function (\w+Contract)\b/m.exec(code) ?? [];
  return contractTests.filter((test) => test.imports.includes(path) && test.code.includes(`${run}(`));
};

test.each(contractTests.flatMap(({ path }) => /^test\/contract\/([\w-]+)\.contract\.ts$/.exec(path)?.[1] ?? []))(
  'a test in test/contract/ runs test/contract/%s.contract.ts',
  (suite) => {
    expect(running(suite)).not.toEqual([]);
  },
);

/** Adapters of the ports that have one for each kind, and the contract suite that each of them passes. */
const SUITES = [
  ...RUNNER_KINDS.map((kind) => [`${kind}-runner`, 'runner'] as const),
  ...WORKLOAD_SOURCES.map((source) => [`${source}-workloads`, 'workloads'] as const),
  // It chooses the scanner of each registry, so the contract is that of all scanners.
  ['scanners', 'scanner'] as const,
];

describe('a kind has one home', () => {
  test.each(HOMES)('$kind is named by its registry, its adapter and its events only', ({ kind, home }) => {
    const literal = new RegExp(`'${kind}'|\\b${kind}:`);
    const naming = shipped.filter(({ code }) => literal.test(code)).map(({ path }) => path);
    expect(naming.length).toBeGreaterThan(0);
    expect(naming.filter((path) => !home.test(path))).toEqual([]);
  });

  test.each(SUITES)(
    'shared/adapters/%s.ts passes test/contract/%s.contract.ts: a test in test/contract/ runs it',
    (adapter, suite) => {
      const tested = running(suite).filter(({ imports }) => imports.includes(`shared/adapters/${adapter}.ts`));
      expect(tested.map(({ path }) => path)).not.toEqual([]);
    },
  );
});

describe('every adapter of a scanner', () => {
  const scanners = shared.flatMap(({ path }) => /^shared\/adapters\/([\w-]+)-scanner\.ts$/.exec(path)?.[1] ?? []);

  test('is chosen in shared/adapters/scanners.ts', () => {
    const chosen = shared.find(({ path }) => path === 'shared/adapters/scanners.ts')?.valueImports ?? [];
    expect(scanners.filter((name) => !chosen.includes(`shared/adapters/${name}-scanner.ts`))).toEqual([]);
  });

  test('has an entry in SCANNERS of test/contract/scanner.contract.ts, which is run on it', () => {
    expect(Object.keys(SCANNERS).sort()).toEqual(scanners.sort());
  });
});

describe('any partition, account and Region', () => {
  // The table of what exists where is the one place that names Regions.
  const deployed = [...shared, ...functions].filter(({ path }) => path !== 'shared/domain/image/partitions.ts');
  test.each([
    ['partition', /arn:aws[a-z-]*:/],
    ['account', /(?<![\w.])\d{12}(?!\w)/],
    ['Region', /\b[a-z]{2}(-gov|-iso[a-z]?)?-(north|south|east|west|central)[a-z]*-\d\b/],
    ['STS host', /\bsts\.[\w.${}-]*amazonaws/],
  ])('no literal %s in what is deployed', (_, pattern) => {
    expect(lines(deployed, pattern)).toEqual([]);
  });

  test('no literal partition in what makes fleets, which also live in an AWS GovCloud', () => {
    const fleets = readSources('local').filter(({ path }) => !/^local\/(cloud|invoke)\//.test(path));
    expect(lines(fleets, /arn:aws[a-z-]*:/)).toEqual([]);
  });
});

describe('names and schemas', () => {
  test('a handler fits on a page', () => {
    const handlers = functions.filter(({ path }) => path.endsWith('/handler.ts'));
    expect(handlers.length).toBeGreaterThan(0);
    expect(handlers.filter(({ text }) => text.split('\n').length > 61).map(({ path }) => path)).toEqual([]);
  });

  test('an error has its name after minification too, because state machines match it', () => {
    const classes = shipped.flatMap(({ code }) => [
      ...code.matchAll(/class (\w+) extends \w*Error\b[^{]*\{([\s\S]*?)\n\}/g),
    ]);
    expect(classes.length).toBeGreaterThan(0);
    const nameless = classes.filter(([, name, body]) => !body?.includes(`override readonly name = '${name}'`));
    expect(nameless.map(([, name]) => name)).toEqual([]);
  });

  test('schemas come from shared/schema.ts: no other file knows the library or what is behind the front', () => {
    const everywhere = [...shipped, ...['local', 'bench', 'scripts', 'test'].flatMap(readSources)];
    const knowing = (name: RegExp) =>
      everywhere.filter(({ imports }) => imports.some((one) => name.test(one))).map(({ path }) => path);
    expect(knowing(/^valibot$/).filter((path) => !/^shared\/schema(\.ts$|\/)/.test(path))).toEqual([]);
    expect(knowing(/^shared\/schema\//).filter((path) => !/^shared\/schema(\.ts$|\/)/.test(path))).toEqual([]);
    expect(knowing(/^shared\/schema\.ts$/).length).toBeGreaterThan(0);
  });

  test("the library's own is used through what it promises", () => {
    expect(lines(shipped, /'~\w|\bv\._/)).toEqual([]);
  });

  test('deployed code imports the schema library as a namespace', () => {
    const readers = shipped.filter(({ path }) => !/^shared\/schema(\.ts$|\/)/.test(path));
    expect(lines(readers, /import (type )?\{.*\/schema\.ts'/)).toEqual([]);
  });
});

describe('the oracles of the random worlds', () => {
  const sources = new Map(readSources('test').map((source) => [source.path, source]));
  const PRODUCT = /^(shared|functions|cli|enforcement|events|registry|local)\//;
  /** The form of a stream's id, and the dice that worlds are drawn with. */
  const ALLOWED = [
    'test/unit/truth/fleet.ts -> shared/domain/stream/stream.ts',
    'test/unit/truth/dice.ts -> local/fleet/random.ts',
  ];

  /** `path -> import` for every import of the product that a file has when it runs, by itself or by a file that it imports. */
  const productIn = (
    path: string,
    known: ReadonlyMap<string, Pick<Source, 'valueImports'>>,
    seen = new Set<string>(),
  ): string[] => {
    if (seen.has(path)) return [];
    seen.add(path);
    const imports = known.get(path)?.valueImports ?? [];
    const own = imports.filter((name) => PRODUCT.test(name)).map((name) => `${path} -> ${name}`);
    return [...own, ...imports.flatMap((name): string[] => productIn(name, known, seen))].filter(
      (one) => !ALLOWED.includes(one),
    );
  };

  const oracles = [...sources.keys()].filter((path) =>
    /^test\/unit\/truth\/(week\/)?([\w-]*oracle|sight|rules)\.ts$/.test(path),
  );

  test('share no code with what they judge, but the form of an id', () => {
    expect(oracles.length).toBeGreaterThan(5);
    expect(oracles.flatMap((path) => productIn(path, sources))).toEqual([]);
  });

  test('an import of the product is found through another file', () => {
    const file = (...valueImports: string[]) => ({ valueImports });
    const wrong = new Map([
      ['oracle.ts', file('rules.ts')],
      ['rules.ts', file('oracle.ts', 'shared/domain/scan/scan-state.ts')],
    ]);
    expect(productIn('oracle.ts', wrong)).toEqual(['rules.ts -> shared/domain/scan/scan-state.ts']);
  });
});

test('every caller that reads the policy in force handles an unreadable one', () => {
  const asking = /\bpolicies\.(?:current\(\)|load\()/;
  // The planner asks first whether there is one. Closures close by the policy of their review, which fails without it.
  // A door fails, and its caller refuses; its refusal then names no head. Without it no lists are published.
  const apart = [
    'functions/admission-webhook/remembered-policies.ts',
    'functions/admission-webhook/review-admission.ts',
    'functions/admission-webhook/review-namespace.ts',
    'functions/cascade-plan/resume-parked.ts',
    'functions/door-publisher/publish.ts',
    'functions/ecs-door/answer-gate.ts',
    'functions/ecs-tasks/answer-deployments.ts',
    'functions/ecs-tasks/decide-task.ts',
    'functions/ecs-tasks/stop-tasks.ts',
    'functions/rollout/check-closures.ts',
    'shared/judging/decide-at-door.ts',
    'shared/judging/decide-containers.ts',
    'shared/judging/foresee-doors.ts',
    'shared/judging/read-denied.ts',
    'shared/planning/read-plan.ts',
    'shared/review/our-accounts.ts',
    'shared/review/policy-in-force.ts',
  ];
  const found = [...shared, ...functions].filter(({ code }) => asking.test(code)).map(({ path }) => path);
  expect(found.sort()).toEqual(apart);
});
