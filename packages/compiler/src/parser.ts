/**
 * acorn, making nodes of ours, and quicker where it spends its time: words, spaces and comments are read to their ends at once, and a name is looked up
 * among the reserved ones instead of being matched with them all. What is accepted, and what is made of it, is acorn's. Its internals that are used here
 * are those that its plug-ins use.
 */
import { Parser, tokTypes, type Options, type TokenType } from 'acorn';
import { SourceNode, type AnyNode } from './nodes.ts';

/** What acorn's types leave out. */
interface Internals {
  readonly input: string;
  readonly options: Options;
  pos: number;
  start: number;
  end: number;
  type: TokenType;
  value: unknown;
  lastTokStart: number;
  lastTokEnd: number;
  containsEsc: boolean;
  readonly context: (TokenContext | undefined)[];
  exprAllowed: boolean;
  keywords: Words;
  reservedWords: Words;
  reservedWordsStrict: Words;
  reservedWordsStrictBind: Words;
  parse(): unknown;
  next(ignoresEscapes?: boolean): void;
  nextToken(): void;
  finishToken(type: TokenType, value?: unknown): void;
  updateContext(before: TokenType): void;
  fullCharCodeAtPos(): number;
  getTokenFromCode(code: number): void;
  readToken(code: number): void;
  readWord(): void;
  skipSpace(): void;
  skipLineComment(length: number): void;
  canInsertSemicolon(): boolean;
  parseMaybeAssign(forInit: unknown, errors?: unknown): SourceNode;
  parseExpression(forInit: unknown, errors?: unknown): SourceNode;
  eat(type: TokenType): boolean;
  raiseRecoverable(offset: number, message: string): void;
  checkUnreserved(name: AnyNode): void;
  parseStatement(context: unknown, isTop?: boolean, exports?: unknown): AnyNode;
  checkLocalExport(): void;
  parseFunctionBody(node: AnyNode, isArrow: boolean, isMethod: boolean, forInit: unknown): void;
  exitScope(): void;
  validateRegExpPattern(state: { readonly source: string; readonly flags: string }): void;
}
interface TokenContext { readonly preserveSpace?: boolean; readonly override?: ((parser: unknown) => void) | null }
interface Words { test(word: string): boolean }
const Acorn = Parser as unknown as new (options: Options, input: string) => Internals;

const KEYWORDS: ReadonlyMap<string, TokenType> = new Map(Object.values(tokTypes as unknown as Record<string, TokenType & { keyword?: string }>).flatMap((type) => (type.keyword === undefined ? [] : [[type.keyword, type]])));
const KEYWORD_MAX = 10;

/** ASCII characters of names: 1 where one may begin, 2 where it goes on. */
const NAME = new Uint8Array(128);
for (let code = 0; code < 128; code++) { const char = String.fromCharCode(code); NAME[code] = /[A-Za-z_$]/.test(char) ? 3 : /\d/.test(char) ? 2 : 0; }

const [LF, CR, SPACE, SLASH, BACKSLASH, LS, PS] = [10, 13, 32, 47, 92, 0x2028, 0x2029] as const;

const words = new Map<string, Words>();
/** The same words as an expression of acorn's, `^(?:a|b)$`, in a set. */
function wordsOf(expression: Words): Words {
  const { source } = expression as unknown as RegExp;
  let found = words.get(source);
  if (found === undefined) {
    const set = new Set(/^\^\(\?:(.*)\)\$$/.exec(source)?.[1]?.split('|'));
    words.set(source, found = { test: (word) => set.has(word) });
  }
  return found;
}

function isExpression(source: string, flags: string): boolean {
  try { return new RegExp(source, flags).source !== ''; } catch { return false; }
}

export class SourceParser extends Acorn {
  constructor(options: Options, input: string) {
    super(options, input);
    this.keywords = wordsOf(this.keywords);
    this.reservedWords = wordsOf(this.reservedWords);
    this.reservedWordsStrict = wordsOf(this.reservedWordsStrict);
    this.reservedWordsStrictBind = wordsOf(this.reservedWordsStrictBind);
  }

  /* ---- nodes ---- */

  startNode(): SourceNode { return new SourceNode(this.start); }
  startNodeAt(start: number): SourceNode { return new SourceNode(start); }
  finishNode(node: SourceNode, type: string): SourceNode {
    node.type = type;
    node.end = this.lastTokEnd;
    return node;
  }
  finishNodeAt(node: SourceNode, type: string, end: number): SourceNode {
    node.type = type;
    node.end = end;
    return node;
  }
  copyNode(node: SourceNode): SourceNode {
    const copy = new SourceNode(node.start) as AnyNode;
    for (const key of Object.keys(node)) copy[key] = (node as AnyNode)[key];
    return copy;
  }

  /** Without a closure: a stack that overflows is noticed by whoever parses the whole. */
  override parseExpression(forInit: unknown, errors?: unknown): SourceNode {
    const { start } = this;
    const first = this.parseMaybeAssign(forInit, errors);
    if (this.type !== tokTypes.comma) return first;
    const node = this.startNodeAt(start) as AnyNode;
    const expressions = [first];
    node['expressions'] = expressions;
    while (this.eat(tokTypes.comma)) expressions.push(this.parseMaybeAssign(forInit, errors));
    return this.finishNode(node, 'SequenceExpression');
  }

  /** Whether a name may not be one here: few are ever in question. */
  override checkUnreserved(name: AnyNode): void {
    const word = name['name'] as string;
    if (word === 'arguments' || word === 'await' || word === 'yield' || this.keywords.test(word) || this.reservedWordsStrict.test(word)) super.checkUnreserved(name);
  }

  /** What this Node takes for an expression is one; of any other acorn says what is wrong with it. */
  override validateRegExpPattern(state: { readonly source: string; readonly flags: string }): void {
    if (!isExpression(state.source, state.flags)) super.validateRegExpPattern(state);
  }

  /* ---- tokens ---- */

  override next(ignoresEscapes?: boolean): void {
    if (this.containsEsc && ignoresEscapes !== true) { const { keyword } = this.type as TokenType & { keyword?: string }; if (keyword !== undefined) this.raiseRecoverable(this.start, `Escape sequence in keyword ${keyword}`); }
    this.lastTokEnd = this.end;
    this.lastTokStart = this.start;
    this.nextToken();
  }

  override nextToken(): void {
    const context = this.context[this.context.length - 1];
    if (context?.preserveSpace !== true) this.skipSpace();
    this.start = this.pos;
    if (this.pos >= this.input.length) return this.finishToken(tokTypes.eof);
    if (typeof context?.override === 'function') return context.override(this);
    const code = this.input.charCodeAt(this.pos);
    if (code < 128 && ((NAME[code] as number) & 1) === 0 && code !== BACKSLASH) return this.getTokenFromCode(code);
    return code < 128 ? this.readWord() : this.readToken(this.fullCharCodeAtPos());
  }

  override finishToken(type: TokenType, value?: unknown): void {
    const before = this.type;
    this.end = this.pos;
    this.type = type;
    this.value = value;
    this.updateContext(before);
  }

  override readWord(): void {
    const { input, pos } = this;
    let end = pos;
    let code = input.charCodeAt(end);
    while (code < 128 && (NAME[code] as number) !== 0) code = input.charCodeAt(++end);
    if (code >= 128 || code === BACKSLASH) return super.readWord();
    const word = input.slice(pos, end);
    this.containsEsc = false;
    this.pos = end;
    const keyword = end - pos > KEYWORD_MAX ? undefined : KEYWORDS.get(word);
    return this.finishToken(keyword ?? tokTypes.name, word);
  }

  override skipSpace(): void {
    const { input } = this;
    let { pos } = this;
    let code = input.charCodeAt(pos);
    while (code === SPACE || code === LF) code = input.charCodeAt(++pos);
    this.pos = pos;
    if (code < SPACE || code === SLASH || code >= 128) super.skipSpace();
  }

  override skipLineComment(length: number): void {
    const { input } = this;
    let pos = this.pos + length;
    for (let code = input.charCodeAt(pos); pos < input.length && code !== LF && code !== CR && code !== LS && code !== PS;) code = input.charCodeAt(++pos);
    this.pos = pos;
  }

  override canInsertSemicolon(): boolean {
    if (this.type === tokTypes.eof || this.type === tokTypes.braceR) return true;
    const { input, start } = this;
    for (let pos = this.lastTokEnd; pos < start; pos++) { const code = input.charCodeAt(pos); if (code === LF || code === CR || code === LS || code === PS) return true; }
    return false;
  }
}

/** Throws acorn's SyntaxError. Of `options` those that are about what surrounds nodes, such as `onComment` and `locations`, are not for it. */
export const parseProgram = (code: string, options: Options): AnyNode => new SourceParser(options, code).parse() as AnyNode;
