/** What the command line prints: results on stdout; notes and errors on stderr, a line each, or JSON a line with --json. Colours only on a terminal. */
import type { Writable } from 'node:stream';
import { inspect, styleText } from 'node:util';

/** stdout and stderr, or what stands for them in a test. */
export type Stream = Writable & { hasColors?(): boolean };

export class Output {
  readonly isJson: boolean;
  readonly #stdout: Stream;
  readonly #stderr: Stream;
  #isUnread = false;
  #whenUnread: () => void = () => { /* who prints looks by itself */ };

  constructor(isJson: boolean, stdout: Stream, stderr: Stream) {
    this.isJson = isJson;
    this.#stdout = stdout;
    this.#stderr = stderr;
    for (const stream of [stdout, stderr]) stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
      if (stream !== stdout || this.#isUnread) return;
      this.#isUnread = true;
      this.#whenUnread();
    });
  }

  /** Whoever read the output has gone, as `head` does: there is no use in more of it. What is served goes on. */
  get isUnread(): boolean { return this.#isUnread; }
  /** The same for who does not print itself. */
  whenUnread(stop: () => void): void { this.#whenUnread = stop; }

  /** What a person asked to read. */
  text(text: string): void { this.#stdout.write(`${text}\n`); }

  /** A heading in it. */
  bold(text: string): string { return styleText('bold', text, { stream: this.#stdout }); }

  /** On a terminal: everything before is gone, and this is there instead. */
  screen(text: string): void { this.#stdout.write(`\u001B[H${text.split('\n').map((line) => `${line}\u001B[K`).join('\n')}\u001B[J`); }
  get isTerminal(): boolean { return (this.#stdout as { isTTY?: boolean }).isTTY === true; }
  get rows(): number { return (this.#stdout as { rows?: number }).rows ?? Infinity; }
  /** The other screen of a terminal, and back. Meanwhile its cursor is hidden, and a line that is too long ends at its edge. */
  enterScreen(): void { this.#stdout.write('\u001B[?1049h\u001B[?25l\u001B[?7l'); }
  leaveScreen(): void { this.#stdout.write('\u001B[?7h\u001B[?25h\u001B[?1049l'); }
  colored(style: 'green' | 'red' | 'yellow' | 'dim' | 'bold', text: string): string { return styleText(style, text, { stream: this.#stdout }); }

  /** A result in words, and as data. */
  result(text: string, data: unknown): void { this.text(this.isJson ? JSON.stringify(data) : text); }

  /** A value that the user's program gave; nothing for undefined. Throws TypeError when --json asks for what JSON does not have. */
  value(value: unknown): void {
    if (this.isJson) this.text(asJson(value));
    else if (value !== undefined) this.text(inspect(value, { depth: 6, colors: this.#stdout.hasColors?.() === true }));
  }

  /** How far long work is: a line on stderr that is written over, on a terminal only, once the work has taken a second and ten times a second at most. */
  progress(): { show(text: string): void; end(): void } {
    const terminal = this.#stderr as Stream & { isTTY?: boolean; columns?: number };
    const isOff = this.isJson || terminal.isTTY !== true;
    let next = performance.now() + 1000;
    let isShown = false;
    return {
      show: (text) => {
        const now = performance.now();
        if (isOff || now < next) return;
        next = now + 100;
        isShown = true;
        terminal.write(`\r\u001B[K${text.slice(0, (terminal.columns ?? 80) - 1)}`);
      },
      end: () => { if (isShown) terminal.write('\r\u001B[K'); },
    };
  }

  /** @param about  an error whose frames follow */
  note(text: string, about?: unknown): void {
    const stack = about instanceof Error ? framesOf(about.stack) : undefined;
    this.#stderr.write(this.isJson ? `${JSON.stringify({ note: text, ...stack === undefined ? {} : { stack } })}\n` : styleText('dim', `capriccio: ${text}\n${stack === undefined ? '' : `${stack}\n`}`, { stream: this.#stderr }));
  }

  /** What was asked for while something else has stdout: on stderr, in words or as data. */
  report(text: string, data: unknown): void { this.#stderr.write(`${this.isJson ? JSON.stringify(data) : text}\n`); }

  /** @param what  said before the message: whose failure it is. Our own errors show no stack, but that of a module which could not be loaded. */
  error(error: unknown, what?: string): void {
    const { code, message, stack } = parts(error);
    const said = what === undefined ? message : `${what}: ${message}`;
    if (this.isJson) {
      this.#stderr.write(`${JSON.stringify({ error: { code: code ?? null, message: said } })}\n`);
      return;
    }
    this.#stderr.write(`${styleText('red', 'capriccio:', { stream: this.#stderr })} ${said}${code === undefined ? '' : ` (${code})`}\n`);
    if (stack !== undefined) this.#stderr.write(styleText('dim', `${stack}\n`, { stream: this.#stderr }));
  }
}

function parts(error: unknown): { code: string | undefined; message: string; stack: string | undefined } {
  if (!(error instanceof Error)) return { code: undefined, message: inspect(error), stack: undefined };
  const { name, message, stack, cause } = error;
  const code = typeof (error as { code?: unknown }).code === 'string' ? (error as { code?: string }).code : undefined;
  if (code?.startsWith('CAP_ERR_') === true) return { code, message, stack: code === 'CAP_ERR_MODULE' && cause instanceof Error ? framesOf(cause.stack) : undefined };
  return { code, message: message === '' ? name : `${name}: ${message}`, stack: framesOf(stack) };
}

function framesOf(stack: string | undefined): string | undefined {
  const at = stack?.indexOf('\n    at ') ?? -1;
  return at < 0 ? undefined : stack?.slice(at + 1).replace(/\n {4}at --- in worker \d+, called by ---$/, '');   // nobody of interest has called it
}

function asJson(value: unknown): string {
  try {
    return JSON.stringify(value ?? null) ?? 'null';
  } catch (error) {
    throw new TypeError(`the result cannot be written as JSON: ${(error as Error).message}`, { cause: error });
  }
}
