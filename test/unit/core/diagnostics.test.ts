/** What is published on node:diagnostics_channel, and the spans that OpenTelemetry's own SDK gets of it. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { channel, tracingChannel } from 'node:diagnostics_channel';
import { fileURLToPath } from 'node:url';
import { createPool } from 'capriccio';
import { onTestFinished, test } from 'vitest';
import { soon } from './rig.ts';

const url = new URL('../../fixtures/core/piscina/handlers.mjs', import.meta.url);
interface Handlers { add(task: { a: number; b: number }): number; fail(message: string): never; exit(code: number): never }

test('a call from its beginning to its end, with its result or its error', async () => {
  await using pool = await createPool({ cores: 1, env: { ...process.env, DROP_IN: 'capriccio/piscina' } });
  const handlers = pool.module<Handlers>(url);
  const events: string[] = [];
  const note = (event: string) => (message: unknown): void => { const { name, result, error } = message as { name: string; result?: unknown; error?: Error }; events.push(`${event} ${name} ${result === undefined ? '' : String(result)}${error?.message ?? ''}`.trim()); };
  const subscribers = { start: note('start'), end: note('end'), asyncStart: note('asyncStart'), asyncEnd: note('asyncEnd'), error: note('error') };
  const task = tracingChannel('capriccio.task');
  task.subscribe(subscribers);
  onTestFinished(() => { task.unsubscribe(subscribers); });
  assert.equal(await handlers.add({ a: 1, b: 2 }), 3);
  await assert.rejects(handlers.fail('no'), TypeError);
  assert.deepEqual(events, ['start handlers.mjs#add', 'end handlers.mjs#add', 'asyncStart handlers.mjs#add 3', 'asyncEnd handlers.mjs#add 3',
    'start handlers.mjs#fail', 'end handlers.mjs#fail', 'error handlers.mjs#fail no', 'asyncStart handlers.mjs#fail no', 'asyncEnd handlers.mjs#fail no']);
});

test('cores that come and go', async () => {
  const seen: string[] = [];
  const { promise: replaced, resolve } = Promise.withResolvers<void>();
  const onReady = (message: unknown): void => { const event = message as { pool: string; replaced: boolean }; if (event.pool !== 'watched') return; seen.push(`ready ${event.replaced}`); if (event.replaced) resolve(); };
  const onLost = (message: unknown): void => { const event = message as { pool: string; code: number }; if (event.pool === 'watched') seen.push(`lost ${event.code}`); };
  channel('capriccio.core.ready').subscribe(onReady);
  channel('capriccio.core.lost').subscribe(onLost);
  onTestFinished(() => { channel('capriccio.core.ready').unsubscribe(onReady); channel('capriccio.core.lost').unsubscribe(onLost); });
  await using pool = await createPool({ cores: 1, name: 'watched', env: { ...process.env, DROP_IN: 'capriccio/piscina' } });
  await assert.rejects(pool.module<Handlers>(url).exit(4), { code: 'CAP_ERR_WORKER_LOST' });
  await soon(replaced, 'the next worker');
  assert.deepEqual(seen, ['ready false', 'lost 4', 'ready true']);
});

test('spans: children of the active one, with their function, and what they failed with', () => {
  const program = fileURLToPath(new URL('../../fixtures/core/spans.ts', import.meta.url));
  const { stdout, stderr } = spawnSync(process.execPath, ['--conditions=capriccio-source', program], { encoding: 'utf8', timeout: 20_000 });
  assert.equal(stderr, '');
  const named = (name: string): object => ({ 'code.function.name': name, 'code.file.path': url.href });
  assert.deepEqual(JSON.parse(stdout), [
    { name: 'handlers.mjs#add', attributes: named('add'), status: { code: 0 }, events: [], isChild: true, tookTime: true },
    { name: 'handlers.mjs#fail', attributes: { ...named('fail'), 'error.type': 'TypeError' }, status: { code: 2, message: 'no' }, events: ['exception'], isChild: true, tookTime: true },
    { name: 'request', attributes: {}, status: { code: 0 }, events: [], isChild: false, tookTime: true },
  ]);
});

test('spans follow calls into workers, and on to others, with what the propagator carries', () => {
  const program = fileURLToPath(new URL('../../fixtures/core/spans-across.ts', import.meta.url));
  const { stdout, stderr } = spawnSync(process.execPath, ['--conditions=capriccio-source', program], { encoding: 'utf8', timeout: 20_000 });
  assert.equal(stderr, '');
  assert.deepEqual(JSON.parse(stdout), { oneTrace: true, callIsChild: true, activeThere: true, nestedIsChild: true, onTwoWorkers: true, tenants: ['blue', 'blue'], outside: true, nothingLeft: true });
});
