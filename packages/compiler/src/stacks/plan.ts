/** What is to be done to a program: which functions get twins and checks, and which of their calls may go on over heap frames. Made by checkpoints.ts. */
import type { AnyNode } from '../parse.ts';
import type { FunctionInfo } from './scopes.ts';

/** A call inside a cycle, as its twin makes it. */
export type LinkedCall =
  /** To a function declaration that nothing reassigns: its twin is called by name. */
  | { readonly to: 'twin'; readonly callee: FunctionInfo }
  /** To a value: whether it has a twin is seen at run time. */
  | { readonly to: 'value' }
  /** A property whose getter is on a cycle. */
  | { readonly to: 'getter' };

export interface LinkedFunction {
  readonly info: FunctionInfo;
  /** Name of the twin that is declared beside it; undefined: the twin is made inside, when it is needed. */
  readonly twin: string | undefined;
  /** Bytes that its check takes off the credit, 0 for one that only reads it; undefined: it has none, and its twin is only called by name. */
  readonly weight: number | undefined;
  /** Parameters are bound in the body, after the check, for binding them may run code. */
  readonly isLowered: boolean;
  /** Its own name, when its body uses it and it is a function expression. */
  readonly selfName: string | undefined;
  /** For messages: `name (file:line)`. */
  readonly label: string;
}

export interface Names {
  /** The runtime (stack-runtime.ts), the credit, and a prefix of temporaries. */
  readonly stack: string;
  readonly credit: string;
  readonly temporary: string;
}

export interface StackPlan {
  /** The text will be printed anew by another tool: distances in it mean nothing. */
  readonly isAhead: boolean;
  readonly names: Names;
  readonly functions: ReadonlyMap<AnyNode, LinkedFunction>;
  readonly calls: ReadonlyMap<AnyNode, LinkedCall>;
}
