/**
 * Runs the production source of a lock-free structure under every interleaving up to a preemption bound, with an optional kill before
 * any single operation, and checks plain accesses for races with vector clocks.
 *
 * The code under test is not transformed: the global `Atomics` is replaced, and the views it gets are proxies. A thread is an ordinary
 * synchronous function; it is suspended by a throw and resumed by running it again from its start with the results of its first n
 * operations replayed. So a thread keeps its state in locals (participants are built inside it) and returns what it wants to check.
 *
 * Choice points are atomic operations; plain accesses are none, for without a race their order does not matter, and races are reported.
 * Explored by depth-first search over choices. The way back to a choice undoes what has happened since. A schedule that comes to a state
 * that was met before, with no more preemptions, ends there: what follows has been seen. A thread is a function of the results of its
 * operations, so a state is these, the memory, and the clocks that find races; schedules that differ only in the order of operations
 * that do not touch each other meet in it, and so do deaths between which nothing was written.
 * What it cannot see: weaker orders than sequential consistency (test/stress has real threads for that).
 */
import type { Memory } from '../../packages/shared/src/memory.ts';
import { Contended, Run, rawMemory, type Mark } from './run.ts';
import { Violation, type Options, type Scenario } from './scenario.ts';
import { Visited } from './states.ts';
export type { Control, Options, Scenario } from './scenario.ts';

/** `schedules` are those that came to their end; `met`, those that came to a state that was met before; `states`, those at which there was a choice, or nobody ran. */
export interface Report { readonly schedules: number; readonly met: number; readonly states: number; readonly steps: number; readonly complete: boolean }

const MET = Symbol('met before');
const real = globalThis.Atomics;

interface Choice { taken: number; readonly count: number; readonly mark: Mark }

/** Runs to the end of a schedule. Throws what is wrong. */
function execute(run: Run, scenario: Scenario, forCheck: Memory): void {
  globalThis.Atomics = run.atomics();
  try {
    run.execute();
  } finally {
    globalThis.Atomics = real;
  }
  const stuck = run.threads.filter(({ state, index }) => state !== 'done' && state !== 'killed' && ((scenario.mayBlock ?? 0) & (1 << index)) === 0);
  if (stuck.length > 0) throw new Violation(`deadlock: ${stuck.map(({ index, state }) => `thread ${index} ${state}`).join(', ')}`);
  forCheck.words.set(run.raw.words);
  scenario.check(run.threads.map(({ result }) => result), forCheck, run.killed, run.notes);
}

/** One schedule from its start, for its trace: the choices given, then the first of each. */
function retrace(scenario: Scenario, options: Required<Options>, choices: readonly number[], contended: Contended): void {
  let depth = 0;
  const run = new Run(scenario, options, () => choices[depth++] ?? 0, contended, true);
  try {
    execute(run, scenario, rawMemory(scenario.layout));
  } catch (error) {
    throw new Error(`${(error as Error).message}\n${run.trace.slice(-150).join('\n')}`, { cause: error });
  }
}

/**
 * Explores all schedules of a scenario. Throws on the first that breaks an invariant, races, deadlocks or livelocks, with the schedule
 * and its trace in the message.
 */
export function explore<R extends unknown[]>(make: () => Scenario<R>, options: Options = {}): Report {
  const full: Required<Options> = { bound: 2, kills: 0, killable: ~1, stepsMax: 3000, schedulesMax: 2_000_000, remembers: true, ...options };
  const contended = new Contended();
  for (;;) {
    const report = exploreWith(make as unknown as () => Scenario, full, contended);
    if (report !== undefined) return report;
  }
}

/** With the contended words that are known. @returns undefined when there are more */
function exploreWith(make: () => Scenario, options: Required<Options>, contended: Contended): Report | undefined {
  const choices: Choice[] = [];
  const visited = new Visited();
  const scenario = make();
  const run: Run = new Run(scenario, options, (count) => {
    if (visited.hasMet(run.state(), run.preemptions) && options.remembers) throw MET;
    choices.push({ taken: 0, count, mark: run.mark() });
    return 0;
  }, contended, false);
  const forCheck = rawMemory(scenario.layout);
  let schedules = 0, met = 0;
  for (;;) {
    try {
      execute(run, scenario, forCheck);
      schedules++;
    } catch (error) {
      if (error !== MET) {
        retrace(make(), options, choices.map(({ taken }) => taken), contended);
        throw new Error(`schedule ${schedules + met + 1} failed once and not again: the scenario is not deterministic`, { cause: error });
      }
      met++;
    }
    if (contended.grew()) return undefined;
    let last = choices.at(-1);
    while (last !== undefined && last.taken + 1 === last.count) { choices.pop(); last = choices.at(-1); }
    const report = { schedules, met, states: visited.size, steps: run.performed };
    if (last === undefined) return { ...report, complete: true };
    if (schedules + met >= options.schedulesMax) return { ...report, complete: false };
    run.goBack(last.mark, ++last.taken);
  }
}
