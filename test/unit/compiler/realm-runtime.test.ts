/** The runtime of compiled code runs in another realm: what scripts/test262 leans on. */
import assert from 'node:assert/strict';
import { AsyncLocalStorage, AsyncResource } from 'node:async_hooks';
import { types } from 'node:util';
import vm from 'node:vm';
import { compile } from '@capriccio/compiler';
import { stack } from '@capriccio/compiler/stack';
import { test } from 'vitest';
import { runtimeScript } from '../../../scripts/test262/realm-runtime.ts';

test('a compiled program runs in a realm that has it, with that realm’s promises', async () => {
  const context = vm.createContext({ [Symbol.for('capriccio.stack')]: stack });
  (runtimeScript().runInContext(context) as (...needs: unknown[]) => void)(process, performance, setImmediate, queueMicrotask, WeakMap, WeakSet, AsyncLocalStorage, AsyncResource, types);
  const { code } = compile('async function f(x) { return await g(x) + 1 } async function g(x) { await null; return x } f(1)', { file: 'test.js', kind: 'script', smallClosures: true });
  const promise = vm.runInContext(code, context) as Promise<unknown>;
  assert.ok(promise instanceof (vm.runInContext('Promise', context) as PromiseConstructor));
  assert.equal(await promise, 2);
});
