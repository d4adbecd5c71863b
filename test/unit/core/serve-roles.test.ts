/** A worker whose role changes while its app is being loaded: main must not hear that it is ready after it has heard that it rests. */
import assert from 'node:assert/strict';
import { roles } from '@capriccio/shared';
import type { Runtime } from '@capriccio/worker';
import { test } from 'vitest';
import { hostServers } from '../../../packages/core/src/serve/host-servers.ts';
import type { FromHost, ToHost } from '../../../packages/core/src/serve/messages.ts';
import { until } from './rig.ts';
import { app } from './serve-rig.ts';

const options = { host: '127.0.0.1', port: 0, accept: 'placed', deadlineMs: 1000, routes: {}, headersMs: 1000, bodyMs: 1000, bodyBytes: Infinity, keepAliveMs: 1000, observe: false, tellsEnds: false } as const;

/** A worker of which nothing is there but its role and its mail. */
function rig(): { readonly told: FromHost['event'][]; become(role: number): void; tell(message: ToHost): void } {
  const told: FromHost['event'][] = [];
  const listeners: ((role: number) => void)[] = [];
  const runtime = {
    role: roles.SPARE as number, isStandIn: true, laneClock: undefined,
    mail: { post: (_: number, { body }: { body: FromHost }) => { told.push(body.event); } },
    onRole: (listener: (role: number) => void) => { listeners.push(listener); },
    hold: () => () => { /* nothing was held */ },
    setConnections: () => { /* nobody looks */ },
  };
  const tell = hostServers(runtime as unknown as Runtime);
  return { told, tell, become: (role) => { runtime.role = role; for (const listener of listeners) listener(role); } };
}

test('activated and retired while the app is loaded', async () => {
  const { told, tell, become } = rig();
  tell({ action: 'open', server: 1, url: app('paths.ts').href, options });
  await until(() => told.length === 1, 'the module');
  become(roles.FRONT);
  become(roles.RETIRING);
  await until(() => told.length === 3, 'the app');
  assert.deepEqual(told, ['prepared', 'resting', 'prepared']);
  become(roles.FRONT);
  become(roles.RETIRING);
  become(roles.FRONT);
  await until(() => told.includes('ready'), 'the server');
  assert.equal(told.at(-1), 'ready');
  become(roles.FRONT);
  become(roles.RETIRING);
  await new Promise((resolve) => { setImmediate(resolve); });
  assert.equal(told.at(-1), 'resting');
  tell({ action: 'close', server: 1, graceMs: 0 });
  await until(() => told.at(-1) === 'closed', 'its end');
});
