// What a measured server and the driver say to each other by IPC. Every server is a file that is forked with
//   <application's module URL> <port, 0 for any> <cores> <ms an idle connection is kept, 5,000 unless given>
// says `ready` with its port, answers `usage`, and ends at `stop` or when the driver has gone.

export interface FetchApp { fetch(request: Request): Response | Promise<Response> }

/** One thread or process of a server, since its start. */
export interface PartUsage {
  name: string;
  /** Time its core was busy. */
  busyUs: number;
  /** Requests answered; in a pool, user-level threads run. */
  threadsRun: number;
}

export interface ServerUsage {
  /** CPU of all its processes, whatever it was spent on. */
  cpuUs: number;
  parts: PartUsage[];
  /** Threads that died of themselves and were replaced; undefined where none is. */
  lost?: number;
  /** Processor time of each route since the start, ms, at most a quarter of a second old; where the server knows. */
  roots?: { name: string; usedMs: number }[];
}

export type ToServer = { type: 'usage' } | { type: 'stop' };
export type FromServer = { type: 'ready'; port: number } | { type: 'usage'; usage: ServerUsage } | { type: 'failed'; message: string };

export interface ServerArguments { app: URL; port: number; cores: number; keepAliveMs?: number }

export function serverArguments(argv: readonly string[] = process.argv.slice(2)): Required<ServerArguments> {
  const [app = '', port = '', cores = '1', keepAliveMs = '5000'] = argv;
  if (!URL.canParse(app) || !/^\d{1,5}$/.test(port) || !/^[1-9]\d{0,3}$/.test(cores) || !/^\d{1,9}$/.test(keepAliveMs)) {
    throw new TypeError(`expected <module URL> <port> <cores> <ms>, got ${JSON.stringify(argv)}`);
  }
  return { app: new URL(app), port: Number(port), cores: Number(cores), keepAliveMs: Number(keepAliveMs) };
}

/** The default export of `url`, if it is a fetch-style application. */
export async function loadApp(url: URL): Promise<FetchApp> {
  const { default: app } = (await import(url.href)) as { default?: Partial<FetchApp> };
  if (typeof app?.fetch !== 'function') throw new TypeError(`${url.pathname.split('/').pop()} has no default export with a fetch function`);
  return app as FetchApp;
}

export function ownCpuUs(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}

export function tellDriver(message: FromServer): void {
  process.send?.(message);
}

/** Answers the driver until it says stop or has gone; then `stop` runs and the process ends. */
export function obeyDriver(usage: () => ServerUsage | Promise<ServerUsage>, stop: () => unknown): void {
  const end = async (): Promise<void> => {
    try {
      await stop();
    } finally {
      process.exit();
    }
  };
  const obey = async (message: ToServer): Promise<void> => {
    if (message.type === 'stop') return end();
    if (message.type === 'usage') tellDriver({ type: 'usage', usage: await usage() });
  };
  process.on('message', (message: ToServer) => void obey(message).catch(reportFailure));
  process.once('disconnect', () => void end());
}

/** Tells the driver why there will be no server, and ends the process. */
export function reportFailure(error: unknown): void {
  const message = error instanceof Error ? error.message : String(error);
  const end = (): void => process.exit(1);
  if (process.send === undefined) {
    console.error(message);
    end();
  } else {
    process.send({ type: 'failed', message } satisfies FromServer, end);
  }
}
