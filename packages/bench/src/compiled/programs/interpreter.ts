/** An interpreter of a small language whose built-in functions may be asynchronous, so that all of it is: a tree is walked by async methods. */

type Value = number | string | readonly Value[] | Lambda | Builtin;
type Builtin = (...args: Value[]) => Promise<Value> | Value;
/** S-expressions: a symbol is a string, a string is `['quote', text]`. */
type Form = number | string | readonly Form[];
interface Lambda { readonly params: readonly string[]; readonly body: Form; readonly scope: Scope }

class Scope {
  readonly #names: Map<string, Value>;
  readonly #outer: Scope | undefined;
  constructor(names: Iterable<readonly [string, Value]>, outer?: Scope) { this.#names = new Map(names); this.#outer = outer; }
  get(name: string): Value {
    const value = this.#names.get(name);
    if (value !== undefined) return value;
    if (this.#outer === undefined) throw new ReferenceError(`${name} is not defined`);
    return this.#outer.get(name);
  }
  set(name: string, value: Value): void { this.#names.set(name, value); }
}

function read(text: string): Form {
  const tokens = text.match(/[()]|[^\s()]+/g) ?? [];
  let at = 0;
  const form = (): Form => {
    const token = tokens[at++] as string;
    if (token !== '(') return Number.isNaN(Number(token)) ? token : Number(token);
    const list: Form[] = [];
    while (tokens[at] !== ')') list.push(form());
    at++;
    return list;
  };
  return form();
}

class Interpreter {
  readonly globals: Scope = new Scope([
    ['+', (a, b) => (a as number) + (b as number)], ['-', (a, b) => (a as number) - (b as number)], ['*', (a, b) => (a as number) * (b as number)], ['<', (a, b) => Number((a as number) < (b as number))],
    ['list', (...items) => items], ['sum', (list) => (list as number[]).reduce((x, y) => x + y, 0)],
    ['fetch', async (key) => { await Promise.resolve(); return (key as number) % 10; }],
  ]);

  async evaluate(form: Form, scope: Scope): Promise<Value> {
    if (typeof form === 'number') return form;
    if (typeof form === 'string') return scope.get(form);
    const [head, ...rest] = form;
    switch (head) {
      case 'quote': return rest[0] as string;
      case 'if': return await this.evaluate((await this.evaluate(rest[0] as Form, scope) === 0 ? rest[2] : rest[1]) as Form, scope);
      case 'lambda': return { params: rest[0] as string[], body: rest[1] as Form, scope };
      case 'define': { scope.set(rest[0] as string, await this.evaluate(rest[1] as Form, scope)); return 0; }
      case 'do': {
        let last: Value = 0;
        for (const one of rest) last = await this.evaluate(one, scope);
        return last;
      }
      default: return await this.call(await this.evaluate(head as Form, scope), await this.all(rest, scope));
    }
  }
  async all(forms: readonly Form[], scope: Scope): Promise<Value[]> {
    const values: Value[] = [];
    for (const form of forms) values.push(await this.evaluate(form, scope));
    return values;
  }
  async call(callee: Value, args: readonly Value[]): Promise<Value> {
    if (typeof callee === 'function') return await callee(...args);
    const { params, body, scope } = callee as Lambda;
    return await this.evaluate(body, new Scope(params.map((name, k) => [name, args[k] as Value] as const), scope));
  }
}

const program = read(`(do
  (define fib (lambda (n) (if (< n 2) n (+ (fib (- n 1)) (fib (- n 2))))))
  (define pages (lambda (n) (if (< n 1) 0 (+ (fetch n) (pages (- n 1))))))
  (list (fib size) (pages 40) (sum (list 1 2 3))))`);

export const WINDOW = 2;
export async function task(k: number): Promise<unknown> {
  const interpreter = new Interpreter();
  interpreter.globals.set('size', 9 + k % 4);
  return await interpreter.evaluate(program, interpreter.globals);
}
