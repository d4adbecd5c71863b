/** The types of capriccio/thread, and of what createPool takes. */
import { describe, expectTypeOf, test } from 'vitest';
import { createPool, isCapriccioError, type CapriccioError, type ErrorCode, type Pool, type PoolOptions, type PoolServer, type Remote, type ServeOptions } from 'capriccio';
import { checkCancelled, current, pool, sleep, spawn, yieldNow, type CurrentThread, type Thread } from 'capriccio/thread';

describe('capriccio/thread', () => {
  test('spawn: what a thread gives is what its function resolves to, or what its generator returns', () => {
    expectTypeOf(spawn((n: number) => n > 1, 1)).toEqualTypeOf<Thread<boolean>>();
    expectTypeOf(spawn(async (n: number) => String(n), 1)).toEqualTypeOf<Thread<string>>();
    expectTypeOf(spawn(function* run(n: number): Generator<unknown, Date, unknown> { yield n; return new Date(n); }, 1)).toEqualTypeOf<Thread<Date>>();
    expectTypeOf(spawn(<T>(value: T): T => value, 'a')).toExtend<Thread<string>>();
    // @ts-expect-error -- an argument is missing
    void (() => spawn((a: number, b: number) => a + b, 1));
    // @ts-expect-error -- an argument is of another type
    void (() => spawn((a: number) => a, 'a'));
  });

  test('the rest', () => {
    expectTypeOf(current).returns.toEqualTypeOf<CurrentThread>();
    expectTypeOf<CurrentThread['signal']>().toEqualTypeOf<AbortSignal>();
    expectTypeOf(sleep).toEqualTypeOf<(ms: number) => Promise<void>>();
    expectTypeOf(yieldNow).toEqualTypeOf<() => Promise<void>>();
    expectTypeOf(checkCancelled).toEqualTypeOf<() => void>();
  });

  test('pool() has the remote functions of a module, as the pool itself has', () => {
    type Basic = typeof import('../fixtures/basic.ts');
    const modules = () => pool().module<Basic>(import.meta.url);
    expectTypeOf(modules).returns.toEqualTypeOf<Remote<Basic>>();
    expectTypeOf(() => pool().run<number>('file:///x.js', 1)).returns.toEqualTypeOf<Promise<number>>();
  });
});

describe('capriccio', () => {
  test('createPool takes a number, options or nothing', () => {
    expectTypeOf(createPool).parameter(0).toEqualTypeOf<number | PoolOptions | undefined>();
    expectTypeOf(createPool).returns.resolves.toEqualTypeOf<Pool>();
    expectTypeOf<{ core: number }>().not.toExtend<PoolOptions>();
    expectTypeOf<Pool>().toExtend<AsyncDisposable>();
  });

  test('serve gives a server that can be awaited away', () => {
    expectTypeOf<Pool['serve']>().parameters.toEqualTypeOf<[app: string | URL, options?: ServeOptions]>();
    expectTypeOf<Pool['serve']>().returns.resolves.toEqualTypeOf<PoolServer>();
    expectTypeOf<PoolServer>().toExtend<AsyncDisposable>();
    expectTypeOf<PoolServer['port']>().toEqualTypeOf<number>();
  });

  test('events and errors are typed', () => {
    const listen = (p: Pool): void => { p.on('lost', ({ id, code, reason }) => expectTypeOf({ id, code, reason }).toEqualTypeOf<{ id: number; code: number; reason: string }>()); };
    expectTypeOf(listen).parameter(0).toEqualTypeOf<Pool>();
    const error: unknown = undefined;
    if (isCapriccioError(error)) expectTypeOf(error).toEqualTypeOf<CapriccioError>();
    expectTypeOf<CapriccioError['code']>().toEqualTypeOf<ErrorCode>();
    expectTypeOf<CapriccioError['started']>().toEqualTypeOf<boolean | undefined>();
  });
});
