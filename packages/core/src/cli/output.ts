/** What the command line prints: results on stdout; notes and errors on stderr, a line each, or JSON a line with --json. Colours only on a terminal. */
import { inspect, styleText } from 'node:util';

const styled = (style: 'bold' | 'dim' | 'red', text: string, stream: NodeJS.WriteStream): string => styleText(style, text, { stream });

export const bold = (text: string): string => styled('bold', text, process.stdout);

export class Output {
  readonly isJson: boolean;

  constructor(isJson: boolean) { this.isJson = isJson; }

  /** A result in words, and as data. */
  result(text: string, data: unknown): void { process.stdout.write(`${this.isJson ? JSON.stringify(data) : text}\n`); }

  /** A value that the user's program gave. Throws TypeError when --json asks for what JSON does not have. */
  value(value: unknown): void {
    if (this.isJson) this.result('', asJson(value));
    else if (value !== undefined) this.result(inspect(value, { depth: 6, colors: process.stdout.hasColors?.() === true }), undefined);
  }

  note(text: string): void {
    process.stderr.write(this.isJson ? `${JSON.stringify({ note: text })}\n` : styled('dim', `capriccio: ${text}\n`, process.stderr));
  }

  /** @param what  said before the message: whose failure it is. Our own errors show no stack, but that of a module which could not be loaded. */
  error(error: unknown, what?: string): void {
    const { code, message, stack } = parts(error);
    const said = what === undefined ? message : `${what}: ${message}`;
    if (this.isJson) {
      process.stderr.write(`${JSON.stringify({ error: { code: code ?? null, message: said } })}\n`);
      return;
    }
    process.stderr.write(`${styled('red', 'capriccio:', process.stderr)} ${said}${code === undefined ? '' : ` (${code})`}\n`);
    if (stack !== undefined) process.stderr.write(styled('dim', `${stack}\n`, process.stderr));
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
  return at < 0 ? undefined : stack?.slice(at + 1);
}

function asJson(value: unknown): unknown {
  try {
    JSON.stringify(value);
    return value ?? null;
  } catch (error) {
    throw new TypeError(`the result cannot be written as JSON: ${(error as Error).message}`, { cause: error });
  }
}
