/** Reads from the admin port of a served app, for the verbs that look into one. */
import { CapriccioError } from '@capriccio/shared';
import { UsageError, type Typed } from './arguments.ts';

/** An admin port that does not answer for so long is given up, ms. */
const ANSWER_MS = 5000;

/** The admin port that was typed: a number, or an address. Throws UsageError. */
export function adminAddress({ positionals: [given, ...others] }: Typed, verb: string): URL {
  if (given === undefined) throw new UsageError(`${verb} takes the admin port of a served app: capriccio ${verb} 9000`);
  if (others.length > 0) throw new UsageError(`${verb} takes one admin port, not also ${others.join(' ')}`);
  const url = URL.parse(/^\d+$/.test(given) ? `http://127.0.0.1:${given}` : /^[\w.-]+:\d+$/.test(given) ? `http://${given}` : given);
  if (url === null || url.protocol !== 'http:') throw new UsageError(`'${given}' is no port and no http: address`);
  return url;
}

/** What it answers. Throws CAP_ERR_TIMEOUT when nothing does, CAP_ERR_MODULE when that is no admin port; what the signal aborts with. */
export async function readAdmin(url: URL, path: string, signal?: AbortSignal): Promise<unknown> {
  try {
    const response = await fetch(new URL(path, url), { signal: AbortSignal.any([...signal === undefined ? [] : [signal], AbortSignal.timeout(ANSWER_MS)]) });
    const text = await response.text();
    if (!response.ok) throw notAdmin(url, `${response.status}`);
    try { return JSON.parse(text) as unknown; } catch { throw notAdmin(url, 'what is no JSON'); }
  } catch (error) {
    if (signal?.aborted === true || error instanceof CapriccioError) throw error;
    throw new CapriccioError('CAP_ERR_TIMEOUT', `nothing answers on ${url.origin}: is the app served with --admin-port ${url.port}?`, { cause: error });
  }
}

const notAdmin = (url: URL, answer: string): CapriccioError => new CapriccioError('CAP_ERR_MODULE', `${url.origin} answered ${answer}: it is no admin port of Capriccio`);
