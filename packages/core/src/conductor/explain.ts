/** The decisions in force, in words: what was done, to what, and why. Pure. */
import type { Decision, Plan, Resource, Snapshot } from './snapshot.ts';
import type { ThrashState } from './thrash.ts';

const part = (x: number): string => `${Math.round(x * 100)} %`;
const UNITS: Readonly<Record<Resource, (amount: number) => string>> = {
  heap: megabytes, external: megabytes, bytes: megabytes, descriptors: (amount) => `${amount.toFixed(amount < 10 ? 1 : 0)} descriptors`,
};
function megabytes(bytes: number): string { return `${(bytes / 2 ** 20).toFixed(1)} MiB`; }

/** A window that is far above what is used limits nothing. */
const isNarrow = (window: number, inUse: number): boolean => inUse >= 0.5 * window;

export function describe(plan: Omit<Plan, 'decisions'>, snapshot: Snapshot, thrash: ReadonlyMap<Resource, ThrashState>): Decision[] {
  return [...windowsOf(plan, snapshot), ...ticketsOf(plan), ...marksOf(plan, snapshot, thrash), ...balanceOf(plan, snapshot), ...holdsOf(plan, snapshot)];
}

function windowsOf({ nodes }: Omit<Plan, 'decisions'>, snapshot: Snapshot): Decision[] {
  return snapshot.nodes.flatMap(({ node, waiting }) => {
    const window = nodes.get(node)?.window;
    if (window === undefined || (waiting === 0 && !isNarrow(window, waiting))) return [];
    return [{ what: 'window' as const, about: node, why: `at most ${Math.floor(window)} threads are there at a time, for more did not come back any faster; ${waiting} wait` }];
  });
}

function ticketsOf({ nodes }: Omit<Plan, 'decisions'>): Decision[] {
  return [...nodes].filter(([, { tickets }]) => tickets !== 1).map(([node, { tickets }]) => ({
    what: 'tickets' as const, about: node,
    why: tickets > 1 ? `threads that come from there give back what is short, so they have ${tickets} times the share` : `threads that come from there take what is short, so they have ${part(tickets)} of the share`,
  }));
}

function marksOf({ marks }: Omit<Plan, 'decisions'>, { resources }: Snapshot, thrash: ReadonlyMap<Resource, ThrashState>): Decision[] {
  return resources.flatMap(({ resource, used, limit }) => {
    const mark = marks.get(resource);
    const state = thrash.get(resource);
    if (mark === undefined || state === undefined) return [];
    const standing = `${UNITS[resource](used)} of ${UNITS[resource](limit)}`;
    if (state.isThrashing) return [{ what: 'mark' as const, about: resource, why: `${standing} of ${resource} are in use, more threads than before get less done and take times that differ more: it thrashes, so no more than ${part(mark)} may be used` }];
    return used >= mark * limit ? [{ what: 'mark' as const, about: resource, why: `${standing} of ${resource} are in use, and ${part(mark)} may be: who would take some waits` }] : [];
  });
}

function balanceOf({ roots }: Omit<Plan, 'decisions'>, snapshot: Snapshot): Decision[] {
  return snapshot.roots.flatMap(({ name, tickets }) => {
    const factor = (roots.get(name)?.tickets ?? tickets) / tickets;
    if (factor > 0.8 && factor < 1.25) return [];
    return [{ what: 'balance' as const, about: name, why: factor > 1 ? `it has work on few cores and gets too little over all, so its share there is ${factor.toFixed(1)} times as large` : `others have work only where it has some too, so its share is ${part(factor)} of what it was given` }];
  });
}

function holdsOf({ roots, marks }: Omit<Plan, 'decisions'>, { resources }: Snapshot): Decision[] {
  return resources.flatMap(({ resource, used, limit }) => [...roots].flatMap(([name, { growth }]) => {
    const { mean, variance } = growth[resource] ?? { mean: 0, variance: 0 };
    const need = mean + 2 * Math.sqrt(variance);
    if (mean < 1e-4 * limit || used + need <= (marks.get(resource) ?? 1) * limit) return [];
    return [{ what: 'hold' as const, about: name, why: `each takes ${UNITS[resource](mean)} of ${resource} (${UNITS[resource](need)} to be safe), and ${UNITS[resource](used)} of ${UNITS[resource](limit)} are in use: new ones wait until some is given back` }];
  }));
}
