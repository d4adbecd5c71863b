/**
 * The paper's web server: static files of SPECweb99's four classes, more and more clients, each one request at a time on its own connection, no thinking
 * time. Ours with capriccio/static beside node:http and node:cluster, which serve from an in-memory map: the least that a server can do for a file.
 */
import { hammer } from '../load/hammer.ts';
import { interleave, median, note, progress, ratio, round3, showRatio, table, type Bench, type Finding, type SideResult } from '../harness.ts';
import { ServerProcess } from '../servers/server-process.ts';

const ROUND_MS = 600;
const CLIENTS = [1, 16, 64, 256, 1024];

export const bench: Bench = async ({ cores, rounds, quick }) => {
  await using stack = new AsyncDisposableStack();
  const start = async (file: string, app: string): Promise<ServerProcess> => stack.use(await ServerProcess.start(new URL(`../servers/${file}`, import.meta.url), { app: new URL(`../servers/apps/${app}`, import.meta.url), port: 0, cores }));
  const servers = [['capriccio', await start('capriccio.ts', 'static-files.ts')], ['node:cluster', await start('cluster.ts', 'static-map.ts')], ['node:http', await start('http.ts', 'static-map.ts')]] as const;
  const rows: string[][] = [];
  const found: Finding[] = [];
  for (const connections of quick ? CLIENTS.slice(1, 4) : CLIENTS) {
    const results = await interleave(servers.map(([name, { port }]) => ({
      name,
      async measure() {
        let answers = 0;
        for (const [path, share] of [['/class0', 0.35], ['/class1', 0.5], ['/class2', 0.14], ['/class3', 0.01]] as const) answers += await hammer({ port, path, connections: Math.max(1, Math.round(connections * share)), depth: 1, ms: ROUND_MS / 4 });
        return answers / ROUND_MS * 1000;
      },
    })), rounds, { label: `${connections} clients`, unit: 'requests/s' });
    progress('');
    const [us, cluster] = results as [SideResult, SideResult];
    for (const result of results) rows.push([`${connections} clients`, result.name, round3(median(result.rounds)), result === us ? '' : `${showRatio(ratio(us, result))} x`]);
    found.push({ what: `static files, ${connections} clients: ours against node:cluster`, figure: `${showRatio(ratio(us, cluster))} x`, goal: '≥ 1 x', isMet: ratio(us, cluster).median >= 1 });
  }
  table(['', 'server', 'requests/s', 'ours against it'], rows);
  note('Paper, figure 8: Knot on Capriccio about equal to Haboob, Apache on Capriccio some 15 % above native threads from 100 clients on.');
  note('What differs: there clients sat on other machines behind gigabit Ethernet, and files were larger than the cache; here the clients are on the same cores, by loopback, and take half of them. Ours reads files by capriccio/static; the peers send what they hold in memory.');
  return found;
};
