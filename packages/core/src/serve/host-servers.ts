/**
 * All servers of one worker: opened, prepared in a spare, drained and closed as main says and as the worker's role changes. Installed as a plug-in of the
 * worker. Next: host.ts, one server.
 */
import { describeFailure, roles } from '@capriccio/shared';
import { loadModule, type Runtime } from '@capriccio/worker';
import { loadApp } from '../http/app-shape.ts';
import { WriteCoalescer } from '../http/coalesce.ts';
import { Ends } from './ends.ts';
import { Host, reportUnlessGone } from './host.ts';
import { SERVE, type FromHost, type ToHost } from './messages.ts';
import { refuseToListen } from './no-listening.ts';
import { UnservedReport } from './unserved-report.ts';
import { warmUp } from './warm-up.ts';

/** One server as this worker knows it: loaded, and open while or since the worker took work. */
interface Hosted { readonly order: Extract<ToHost, { action: 'open' }>; host: Promise<Host> | undefined; hasLanes: boolean }

/** All servers of this worker. @returns what takes main's messages */
export function hostServers(runtime: Runtime): (body: unknown) => void {
  refuseToListen();
  const hosted = new Map<number, Hosted>();
  const coalescer = new WriteCoalescer();
  let connections = 0;
  const tell = (body: FromHost): void => runtime.mail.post(0, { kind: 'service', service: SERVE, body });
  const count = (change: number): void => { connections += change; runtime.setConnections(connections); };

  const takesWork = (): boolean => runtime.role === roles.FRONT || runtime.role === roles.BLOCKED;
  const open = async ({ server, url, options }: Hosted['order']): Promise<Host> => {
    await warmUp();                                               // first, for the app may look at all requests
    const app = await loadApp(await loadModule(url), { onError: reportUnlessGone });
    const host = new Host(runtime, app, { runtime, server }, options, coalescer, count, options.tellsEnds ? new Ends((ended) => tell({ event: 'ended', server, count: ended })) : undefined, (route, histogram) => tell({ event: 'times', server, route, histogram }), new UnservedReport(server, tell));
    try {
      const port = await host.open();
      if (options.accept === 'reusePort' || takesWork()) tell({ event: 'ready', server, port });
      else tell({ event: 'prepared', server });                        // its role has changed meanwhile, and main has heard that it rests
      return host;
    } catch (error) {
      await host.close(0);
      throw error;
    }
  };
  const begin = (one: Hosted): void => {
    const opening = open(one.order);
    void opening.then((host) => host.setLanes(one.hasLanes), ignore);
    one.host = opening;
    opening.catch((error: unknown) => { hosted.delete(one.order.server); tell({ event: 'failed', server: one.order.server, failure: describeFailure(error) }); });
  };
  /** A spare loads the module and runs nothing of it. With reusePort the kernel would deal it connections for good, so it opens no port later either. */
  const prepare = async ({ server, url }: Hosted['order']): Promise<void> => {
    try {
      await warmUp();
      await loadModule(url);
      tell({ event: 'prepared', server });
    } catch (error) {
      hosted.delete(server);
      tell({ event: 'failed', server, failure: describeFailure(error) });
    }
  };
  runtime.onRole((role) => {
    for (const one of hosted.values()) {
      const { server, options } = one.order;
      if (role === roles.FRONT) {
        if (one.host === undefined) { if (options.accept === 'placed' || !runtime.isStandIn) begin(one); } else void one.host.then((host) => { if (!takesWork()) return; host.setDraining(false); tell({ event: 'ready', server, port: 0 }); }, ignore);
      } else if (role === roles.RETIRING || role === roles.LEAVING) {
        tell({ event: 'resting', server });
        void one.host?.then((host) => host.setDraining(true, role === roles.LEAVING), ignore);
      }
    }
  });

  return (body) => {
    const message = body as ToHost;
    const { server } = message;
    switch (message.action) {
      case 'open': {
        const one: Hosted = { order: message, host: undefined, hasLanes: false };
        hosted.set(server, one);
        if (takesWork()) begin(one);
        else void prepare(message);
        break;
      }
      case 'lanes': {
        const one = hosted.get(server);
        if (one === undefined) break;
        one.hasLanes = message.isOpen;
        void one.host?.then((host) => host.setLanes(one.hasLanes), ignore);
        break;
      }
      case 'connection': {
        const { socket } = message;
        const host = hosted.get(server)?.host;
        const drop = (): void => { socket.destroy(); tell({ event: 'ended', server, count: 1 }); };
        if (host === undefined) { drop(); runtime.countTaken(); } else void host.then((ready) => ready.take(socket), drop).finally(() => runtime.countTaken());
        break;
      }
      case 'close': {
        const host = hosted.get(server)?.host;
        hosted.delete(server);
        Promise.resolve(host?.then((ready) => ready.close(message.graceMs))).catch((error: unknown) => process.emitWarning(error as Error)).finally(() => tell({ event: 'closed', server }));
        break;
      }
      default: throw new Error(`unknown message ${JSON.stringify(message)}`);
    }
  };
}

const ignore = (): void => { /* it has been told when it was opened */ };
