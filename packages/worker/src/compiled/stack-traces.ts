/**
 * `error.stack` in an isolate that compiles: lines and columns are those of the sources, frames of the runtime are left out, and the callers that
 * wait on the heap follow, as `at async`, where the native stack ends.
 */
import type { Position } from '@capriccio/compiler/hook';
import { machine } from './machine.ts';
import { passedByError, linesOfCallers } from './traces.ts';

export interface Sources {
  isCompiled(url: string): boolean;
  /** Lines from 1, columns from 0. */
  originalOf(url: string, place: Position): Position | undefined;
}

/** Frames that are shown, unless the program has set `Error.stackTraceLimit` itself. */
const SHOWN = 10;
/** Frames that are captured: about three of four belong to the runtime. */
const CAPTURED = 50;
/** Twins are named `$c_`, the function's name, a number. */
const TWIN_NAME = /(?:#\$c_+\$\$|\$c_+)([\p{ID_Continue}$]*?)\d+(?![\p{ID_Continue}$])/gu;
/** A wrapper that drives no frames calls its twin itself. */
const TWIN = /^#?\$c_/;
/** What enters a thread's context. */
const BEGINNING = /\/context\.[jt]s$/;

/** @param own  URL of the directory whose frames are the runtime's */
export function installStackTraces(sources: Sources, own: string): void {
  Error.stackTraceLimit = CAPTURED;
  Error.prepareStackTrace = (error, sites) => {
    const shown = Error.stackTraceLimit === CAPTURED ? SHOWN : Error.stackTraceLimit;
    return [headerOf(error), ...linesOf(error, sites, sources, own).slice(0, shown).map((line) => `    at ${line}`)].join('\n');
  };
}

function headerOf(error: unknown): string {
  try { return Error.prototype.toString.call(error); } catch { return '<error>'; }
}

function linesOf(error: object, sites: readonly NodeJS.CallSite[], sources: Sources, own: string): string[] {
  const lines: string[] = [];
  const hasRun = sites.some((site) => site.getFunctionName() === 'runFrames' && site.getFileName()?.startsWith(own) === true);
  const passed = passedByError(error);
  let callers = passed === undefined ? hasRun ? machine.stack?.callers : undefined : passed.inner;
  let last: NodeJS.CallSite | undefined;
  let isTwin = false;
  for (let k = 0; k < sites.length; k++) {
    const site = sites[k] as NodeJS.CallSite;
    const isOwn = site.getFileName()?.startsWith(own) === true;
    if (isOwn) {
      isTwin = false;
      const name = site.getFunctionName();
      if (BEGINNING.test(site.getFileName() ?? '')) break;               // below is who began the thread
      if (name === 'runFrames') { lines.push(...linesOfCallers(callers)); callers = undefined; }
      last = site;
      continue;
    }
    const text = String(site);
    if (text.startsWith('AsyncResource.runInAsyncScope') && BEGINNING.test(sites[k + 1]?.getFileName() ?? '')) break;
    const isWrapper = last !== undefined && DRIVERS.has(last.getFunctionName() ?? '');
    last = undefined;
    const isBelowTwin = isTwin;
    isTwin = TWIN.test(site.getFunctionName() ?? '');
    if ((isWrapper || isBelowTwin) && sources.isCompiled(site.getFileName() ?? '')) continue;
    if (isStep(site) && sites[k + 1]?.getFileName()?.startsWith(own) === true) continue;
    lines.push(shownSite(site, text, sources));
  }
  return [...lines, ...linesOfCallers(callers), ...linesOfCallers(passed?.outer)];
}

/** What a wrapper calls: the frame below them is the wrapper, whose twin has been shown. */
const DRIVERS = new Set(['startActivation', 'startHead', 'resume', 'Activation.resume']);

/** A generator's own `next` or `throw`. */
function isStep(site: NodeJS.CallSite): boolean {
  const name = site.getFunctionName();
  return (name === 'next' || name === 'throw') && (site.getFileName() ?? null) === null;
}

function shownSite(site: NodeJS.CallSite, text: string, sources: Sources): string {
  const url = site.getFileName() ?? '';
  if (!sources.isCompiled(url)) return text;
  const [line, column] = [site.getLineNumber() ?? 1, site.getColumnNumber() ?? 1];
  const original = sources.originalOf(url, { line, column: column - 1 });
  const named = text.replaceAll(TWIN_NAME, (_match, name: string) => (name === '' ? '<anonymous>' : name));
  return original === undefined ? named : named.replace(`${url}:${line}:${column}`, `${url}:${original.line}:${original.column + 1}`);
}
