/**
 * A window is of all workers together, and each is told its part, so that none asks another before a thread goes. What each should have is max-min: as much
 * as it wants where that fits, else alike; what back lanes have abandoned there is taken off before. Who has more keeps what
 * is there and gets no more; who has less gets of what is free, so the window holds while parts move. What is left over by whole places goes round, so that
 * with fewer places than workers each has its turn. Pure.
 */

/** Of one worker: threads at the node, and those that wait before it. */
export interface Wish { readonly inUse: number; readonly waiting: number; /** A back lane: it lets nobody go there. */ readonly isBack?: boolean }

/** @param turn  moves on with each call: who is first when there is less than one each. @returns how many may be there, of each worker */
export function shareWindow(window: number, wishes: readonly Wish[], turn: number): number[] {
  const places = Math.max(1, Math.floor(window));
  const used = wishes.map(({ inUse }) => inUse);
  const due = dueOf(places, wishes, turn);
  const missing = due.map((part, k) => Math.max(0, part - (used[k] as number)));
  const free = Math.max(0, places - sum(used));
  const given = sum(missing) <= free ? missing : wholeParts(free, missing, turn);
  return due.map((part, k) => Math.min(part, (used[k] as number) + (given[k] as number)));
}

function dueOf(places: number, wishes: readonly Wish[], turn: number): number[] {
  const stuck = sum(wishes.map(({ inUse, isBack }) => (isBack ? inUse : 0)));
  const due = wholeParts(Math.max(0, places - stuck), wishes.map(({ inUse, waiting, isBack }) => (isBack ? 0 : inUse + waiting)), turn);
  return due.map((part, k) => ((wishes[k] as Wish).isBack ? (wishes[k] as Wish).inUse : part));
}

const sum = (values: readonly number[]): number => values.reduce((all, value) => all + value, 0);

/** As much as each wants, the rest alike; where that is too much, alike at most. Whole numbers, together `places`. */
function wholeParts(places: number, wanted: readonly number[], turn: number): number[] {
  const count = wanted.length;
  const rest = places - sum(wanted);
  const level = rest >= 0 ? Infinity : levelOf(places, wanted);
  const exact = wanted.map((want) => Math.min(want, level) + Math.max(0, rest) / count);
  const parts = exact.map((part) => Math.floor(part + 1e-9));
  const fraction = (k: number): number => (exact[k] as number) - (parts[k] as number);
  let left = places - sum(parts);
  for (const k of exact.map((_, each) => (each + turn) % count).toSorted((a, b) => fraction(b) - fraction(a))) if (left-- > 0) parts[k] = (parts[k] as number) + 1;
  return parts;
}

/** What each has at most, if those who want less have what they want. */
function levelOf(places: number, wanted: readonly number[]): number {
  let left = places;
  let open = wanted.length;
  for (const want of wanted.toSorted((a, b) => a - b)) {
    if (want * open >= left) return left / open;
    left -= want;
    open--;
  }
  return left;
}
