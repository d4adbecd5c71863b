/** `capriccio top`: what a served app does now, read from its admin port once a second. */
import { setTimeout as delay } from 'node:timers/promises';
import { adminAddress, readAdmin } from './admin-client.ts';
import { UsageError, wholeNumber, type Typed, type Verb } from './arguments.ts';
import type { Output } from './output.ts';
import { topScreen, type Look } from './top-screen.ts';

const EVERY_MS = 1000;

export const topVerb: Verb = {
  name: 'top',
  positionals: '<admin-port>',
  summary: 'shows cores, threads, queues, routes and the hottest nodes of a served app, live',
  options: {
    'every-ms': { value: 'n', about: 'how often it looks, 50 to 60,000 (default 1000)' },
    times: { value: 'n', about: 'looks so often and ends (default: until a signal; 1 when the output is no terminal)' },
  },
  notes: ['The app is served with --admin-port. A port, or an address: capriccio top 9000, capriccio top http://127.0.0.1:9000. With --json each look is a line.'],
};

/** Resolves with the exit code: 1 when nothing answers. Throws UsageError. */
export async function top(typed: Typed, output: Output): Promise<number> {
  const url = adminAddress(typed, 'top');
  const everyMs = bounded(typed, 'every-ms', 50, 60_000) ?? EVERY_MS;
  const times = bounded(typed, 'times', 1, 1e9) ?? (output.isTerminal || output.isJson ? Infinity : 1);
  const end = new AbortController();
  const stop = (): void => end.abort();
  process.once('SIGINT', stop).once('SIGTERM', stop);
  const isLive = output.isTerminal && !output.isJson && times > 1;
  if (isLive) output.enterScreen();
  try {
    await follow(url, { everyMs, times, isLive, signal: end.signal }, output);
    return 0;
  } finally {
    if (isLive) output.leaveScreen();
    process.off('SIGINT', stop).off('SIGTERM', stop);
  }
}

async function follow(url: URL, { everyMs, times, isLive, signal }: { everyMs: number; times: number; isLive: boolean; signal: AbortSignal }, output: Output): Promise<void> {
  let before: Look | undefined;
  for (let count = 1; !signal.aborted; count++) {
    const look = await lookAt(url, signal);
    if (look === undefined) return;
    if (output.isJson) output.text(JSON.stringify(look));
    else if (isLive) output.screen(topScreen(look, before, (style, text) => output.colored(style, text), output.rows));
    else output.text(topScreen(look, before, (style, text) => output.colored(style, text)));
    if (count >= times || output.isUnread) return;
    before = look;
    await delay(everyMs, undefined, { signal }).catch(() => { /* it was told to stop */ });
  }
}

/** @returns undefined when it was told to stop meanwhile */
async function lookAt(url: URL, signal: AbortSignal): Promise<Look | undefined> {
  try {
    const [look, graph] = await Promise.all([readAdmin(url, '/stats.json', signal), readAdmin(url, '/graph.json', signal)]) as [Look, Look['graph']];
    return { ...look, ...graph === undefined ? {} : { graph } };
  } catch (error) {
    if (signal.aborted) return undefined;
    throw error;
  }
}

function bounded(typed: Typed, name: string, min: number, max: number): number | undefined {
  const value = wholeNumber(typed, name);
  if (value !== undefined && (value < min || value > max)) throw new UsageError(`--${name} takes a whole number from ${min} to ${max}, not ${value}`);
  return value;
}
