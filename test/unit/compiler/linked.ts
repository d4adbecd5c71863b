/** Compiles a source with linked stacks and runs it natively, compiled, and with every check finding the stack short. */
import { createRequire } from 'node:module';
import { parseSource, type SourceKind } from '../../../packages/compiler/src/parse.ts';
import { linkStacks, type Linked } from '../../../packages/compiler/src/stacks/link-stacks.ts';
import { stack } from '../../../packages/compiler/src/stacks/stack-runtime.ts';

const require = createRequire(import.meta.url);

export function linked(source: string, kind: SourceKind = 'commonjs'): Linked {
  const { code, program } = parseSource(source, { file: 'x.js', kind });
  return linkStacks(code, program, { file: 'x.js', kind });
}

export type Exports = Record<string, (...args: unknown[]) => unknown>;

export function evaluate(code: string): Exports {
  const module = { exports: {} as Exports };
  new Function('module', 'exports', 'require', `${code}\n`)(module, module.exports, require);
  return module.exports;
}

/** Runs with every check finding the stack short, so that twins do all the work. */
export function short<T>(action: () => T): T {
  stack.configure({ isAlwaysShort: true });
  try { return action(); } finally { stack.configure({ isAlwaysShort: false }); }
}

export interface Outcome { readonly result: unknown; readonly log: readonly unknown[] }

/** What `run(log)` of a module gives, or throws, and what it has logged. */
export function outcome({ run }: Exports): Outcome {
  const log: unknown[] = [];
  try {
    return { result: (run as (log: (value: unknown) => void) => unknown)((value) => { log.push(value); }), log };
  } catch (error) {
    return { result: error instanceof Error ? `${error.name}: ${error.message}` : error, log };
  }
}

export { stack };
