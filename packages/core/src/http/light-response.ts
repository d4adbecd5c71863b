/**
 * A Response whose body is a string, kept as a string. Node's own makes a web stream of it, which the server then reads chunk by chunk: more than half
 * of what a small answer costs. srvx has a Response that keeps what it was given and is the native one as soon as anybody looks closer; but it
 * reads it late, so what a program changes meanwhile, or does wrong, shows late or never. Here it stands in only where that cannot be seen: a string
 * body, a status that may have one, plain valid headers, which are copied. Everything else is the native Response, errors and all.
 */
import { validateHeaderName } from 'node:http';

type Native = typeof Response;
/** srvx's FastResponse, as far as it is used. */
type Fast = new (body: string, init: ResponseInit) => { _toNodeResponse(): unknown };
type Fields = [string, string][];

const STATUSES_WITHOUT_BODY: readonly number[] = [204, 205, 304];
/** Values that no rule of the Headers class would change or refuse. */
const PLAIN_VALUE = /^[\u0021-\u007E](?:[\t\u0020-\u007E]*[\u0021-\u007E])?$/;
const PLAIN_TEXT = /^[\t\u0020-\u007E]*$/;

/** @returns the native class, that makes a light Response where it can. `instanceof`, statics and subclasses are the native ones. */
export function lightResponse(native: Native, fast: Fast): Native {
  class LightResponse extends fast {
    #isSent = false;
    /** @internal srvx asks for it, to send it. A body is read once. */
    override _toNodeResponse(): unknown {
      if (this.#isSent) throw new TypeError('Body is unusable: Body has already been read');
      this.#isSent = true;
      return super._toNodeResponse();
    }
  }
  const make = (body: unknown, init: unknown, type: string): Response | undefined => {
    if (typeof body !== 'string') return undefined;
    const plain = plainInit(init, type);
    return plain === undefined ? undefined : new LightResponse(body, plain) as unknown as Response;
  };
  const json = (data: unknown, init?: unknown): Response => make(JSON.stringify(data), init, 'application/json') ?? native.json(data, init as ResponseInit);
  const proxy: Native = new Proxy(native, {
    construct: (target, args: unknown[], newTarget) => (newTarget === proxy ? make(args[0], args[1], 'text/plain;charset=UTF-8') : undefined)
      ?? Reflect.construct(target, args, newTarget === proxy ? target : newTarget) as Response,
    get: (target, key) => (key === 'json' ? json : Reflect.get(target, key, target) as unknown),
  });
  return proxy;
}

/** A copy of `init` with a content type, if nothing about it is out of the ordinary. */
function plainInit(init: unknown, type: string): { status: number; statusText: string; headers: Fields } | undefined {
  if (init === undefined || init === null) return { status: 200, statusText: '', headers: [['content-type', type]] };
  const { status = 200, statusText = '', headers } = init as { status?: unknown; statusText?: unknown; headers?: unknown };
  if (!Number.isInteger(status) || (status as number) < 200 || (status as number) > 599 || STATUSES_WITHOUT_BODY.includes(status as number)) return undefined;
  if (typeof statusText !== 'string' || !PLAIN_TEXT.test(statusText)) return undefined;
  const fields = plainFields(headers);
  if (fields === undefined) return undefined;
  if (!fields.some(([name]) => name === 'content-type')) fields.push(['content-type', type]);
  return { status: status as number, statusText, headers: fields };
}

function plainFields(headers: unknown): Fields | undefined {
  if (headers === undefined) return [];
  if (headers instanceof Headers) return [...headers];
  if (typeof headers !== 'object' || headers === null || Object.getPrototypeOf(headers) !== Object.prototype) return undefined;
  const fields: Fields = [];
  for (const [key, value] of Object.entries(headers)) {
    const name = key.toLowerCase();
    if (typeof value !== 'string' || !PLAIN_VALUE.test(value) || !isName(name) || fields.some(([other]) => other === name)) return undefined;
    fields.push([name, value]);
  }
  return fields;
}

function isName(name: string): boolean {
  try { validateHeaderName(name); return true; } catch { return false; }
}
