/** How many calls of a tiny function a second, each with a native promise, awaited by as many loops as the window is wide? */
import { calibrate, drive, interleave, ratio, round3, showRatio, table, median, type Bench, type Finding, type SideResult } from '../harness.ts';
import { bare, capriccio, piscina, piscinaSettings, type Contender } from './contenders.ts';

const ROUND_MS = 300;
const WINDOWS = [100, 1000, 50_000];

/** The setting of piscina that is fastest at a window, found in a short run of all. */
async function bestPiscina(cores: number, window: number): Promise<Contender> {
  let best = { rate: 0, setting: piscinaSettings[0] };
  for (const setting of piscinaSettings) {
    await using pool = piscina(cores, setting);
    const call = (k: number): Promise<unknown> => pool.call('increment', k);
    await drive(call, Math.min(window, 1000), 2000);
    const rate = await drive(call, window, Math.max(10_000, window));
    if (rate > best.rate) best = { rate, setting };
  }
  return piscina(cores, best.setting);
}

export const bench: Bench = async ({ cores, rounds }) => {
  const found: Finding[] = [];
  const rows: string[][] = [];
  for (const window of WINDOWS) {
    await using ours = await capriccio(cores);
    await using theirs = await bestPiscina(cores, window);
    await using plain = await bare(cores);
    const sides = await Promise.all([ours, theirs, plain].map(async (contender) => {
      const call = (k: number): Promise<unknown> => contender.call('increment', k);
      if (await call(41) !== 42) throw new Error(`${contender.name} answers wrongly`);
      await drive(call, window, Math.max(20_000, window));
      return { contender, call };
    }));
    const totals: number[] = [];
    for (const { call } of sides) totals.push(await calibrate(call, window, ROUND_MS));
    const results = await interleave(sides.map(({ contender, call }, k) => ({ name: contender.name, measure: () => drive(call, window, totals[k] as number) })), rounds, { label: `window ${window}`, unit: 'calls/s' });
    const [us, best, base] = results as [SideResult, SideResult, SideResult];
    for (const result of results) rows.push([`window ${window}`, result.name, round3(median(result.rounds)), result === us ? '' : `${showRatio(ratio(us, result))} x`]);
    found.push({ what: `tiny tasks, window ${window}, against ${best.name}`, figure: `${showRatio(ratio(us, best))} x`, goal: '≥ 20 x', isMet: ratio(us, best).median >= 20 });
    found.push({ what: `tiny tasks, window ${window}, against bare postMessage`, figure: `${showRatio(ratio(us, base))} x`, goal: '≥ 4 x', isMet: ratio(us, base).median >= 4 });
  }
  table(['', 'contender', 'calls/s', 'ours against it'], rows);
  return found;
};
