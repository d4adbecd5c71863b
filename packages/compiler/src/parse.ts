/**
 * From a file's text to its tree: types are stripped in place, then acorn parses. Every pass of the compiler, and whoever only looks, begins here.
 * Next: segments.ts for where a pass has put what it found here.
 */
import type { Options, Program } from 'acorn';
import type { AnyNode } from './nodes.ts';
import { parseProgram } from './parser.ts';
import { reparse, type Made } from './reparse.ts';
import { stripTypes } from './typescript.ts';
import { SourceError } from './source-error.ts';
import { identity, type Pass } from './segments.ts';

export type { AnyNode } from './nodes.ts';
export type SourceKind = 'module' | 'commonjs' | 'script';

export interface SourceOptions {
  /** For numbers and messages: how the file is called, the same in every thread. */
  readonly file: string;
  readonly kind?: SourceKind;
  /** Default: by the ending of `file`. */
  readonly typescript?: boolean;
}

/** A source that has been parsed: `pass` leads from `code`, which the tree is of, back to the text that was given. */
export interface Parsed { readonly code: string; readonly pass: Pass; readonly program: Program }

const TYPESCRIPT = /\.[cm]?ts$/;
const JSX = /\.[jt]sx$/;

/** Strips what is TypeScript, and parses. Throws SourceError where Node would refuse the file, with its line and column. */
export function parseSource(source: string, { file, kind = 'module', typescript = TYPESCRIPT.test(file) }: SourceOptions): Parsed {
  if (JSX.test(file)) throw new SourceError(`${file}: JSX is not JavaScript that Node runs; bundle it first (the output can be compiled), or name the file .js or .ts if it holds none`, 1, 0, undefined);
  const pass = typescript ? stripTypes(source, file) : { code: source, segments: identity(source.length) };
  return { code: pass.code, pass, program: parseJavaScript(pass.code, file, kind) };
}

/** How a file is parsed. */
const optionsFor = (kind: SourceKind): Options => ({ ecmaVersion: 'latest', sourceType: kind, allowHashBang: true, preserveParens: true, allowAwaitOutsideFunction: kind === 'module' });

/** The tree of what a pass has made of a text. @param program  the tree of that: it is used up */
export const parseAgain = (program: Program, pass: Made, kind: SourceKind): Program => reparse(program as unknown as AnyNode, pass, optionsFor(kind)) as unknown as Program;

/** Parses JavaScript. Throws SourceError with line and column. */
function parseJavaScript(code: string, file: string, kind: SourceKind): Program {
  try {
    return parseProgram(code, optionsFor(kind)) as unknown as Program;
  } catch (error) {
    const { loc, message } = error as { loc?: { line: number; column: number }; message: string };
    throw new SourceError(`${file}: ${message}`, loc?.line ?? 1, loc?.column ?? 0, error);
  }
}

export const isNode = (value: unknown): value is AnyNode => typeof value === 'object' && value !== null && typeof (value as { type?: unknown }).type === 'string';

export function isFunction({ type }: AnyNode): boolean { return type === 'FunctionDeclaration' || type === 'FunctionExpression' || type === 'ArrowFunctionExpression'; }
