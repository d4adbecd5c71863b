/** When to start what a pool needs later: not while its workers need all processors, as in their first second, with code that is not compiled yet. */

/** Twice in a row it uses less than this part of the processors that the workers may use, looked at so often, ms. */
const CALM = 0.35;
const LOOK_MS = 500;
/** How long it may be put off, ms. What is said of a server's first seconds under load, lanes that start included, is over by then. */
const PUT_OFF_MS = 10_000;

/**
 * Calls `start` once the process has left two thirds of `cores` processors unused for a second, or after ten seconds. It keeps no process alive.
 * @returns what stops it
 */
export function whenCalm(cores: number, start: () => void): () => void {
  const begin = performance.now();
  let at = begin;
  let used = processMs();
  let wasCalm = false;
  const timer = setInterval(() => {
    const [now, usedNow] = [performance.now(), processMs()];
    const isCalm = usedNow - used < CALM * cores * (now - at);
    if (isCalm && wasCalm || now - begin > PUT_OFF_MS) { clearInterval(timer); start(); return; }
    wasCalm = isCalm;
    at = now;
    used = usedNow;
  }, LOOK_MS).unref();
  return () => clearInterval(timer);
}

/** Processor time of all threads of the process, ms. */
function processMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}
