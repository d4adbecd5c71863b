/** What users' editors say: the types of remote modules. tsc checks these (the types step); running them shows that the names are there. */
import { describe, expectTypeOf, test } from 'vitest';
import type { Pool, Remote, RemoteFunction, RemoteGenerator, Thread, WithOptions } from 'capriccio';

declare function sync(a: number, b?: string): boolean;
declare function later(a: { deep: number[] }): Promise<Map<string, number>>;
declare function twice(): Promise<Promise<number>>;
declare function rest(first: string, ...others: number[]): void;
declare function fails(message: string): never;
declare function unchecked(value: any): any;
declare function known(value: unknown): unknown;
declare function perhaps(): number | Promise<string>;
declare function generic<T>(value: T): T[];
declare function bounded<T extends { id: number }>(value: T): T['id'];
declare function overloaded(value: string): string;
declare function overloaded(value: number): number;
declare function three(): null;
declare function three(a: number): number;
declare function three(a: number, b: string): string;
declare function anything(...args: any[]): any;
declare function frames(n: number): Generator<Promise<string>, Promise<Date>, number>;
declare function stream(n: number): AsyncGenerator<number, string, undefined>;
declare function openEnded(): Generator<number>;
declare function guards(value: unknown): value is string;
declare class Model { constructor(name: string); name: string }
declare const arrow: (x: bigint) => bigint;
declare const text: string;
declare const object: { method(): void };
declare const maybe: (() => void) | undefined;

interface Module {
  sync: typeof sync; later: typeof later; twice: typeof twice; rest: typeof rest; fails: typeof fails; unchecked: typeof unchecked; known: typeof known; perhaps: typeof perhaps;
  generic: typeof generic; bounded: typeof bounded; overloaded: typeof overloaded; three: typeof three; anything: typeof anything; frames: typeof frames; stream: typeof stream; openEnded: typeof openEnded; guards: typeof guards;
  Model: typeof Model; arrow: typeof arrow; text: typeof text; object: typeof object; maybe: typeof maybe; default: (...words: string[]) => Promise<string>;
}
type There = Remote<Module>;

describe('Remote<M>', () => {
  test('a synchronous function gives a promise, an asynchronous one no promise of a promise', () => {
    expectTypeOf<There['sync']>().toEqualTypeOf<RemoteFunction<[a: number, b?: string], boolean>>();
    expectTypeOf<There['sync']>().toBeCallableWith(1);
    expectTypeOf<ReturnType<There['sync']>>().toEqualTypeOf<Promise<boolean>>();
    expectTypeOf<ReturnType<There['later']>>().toEqualTypeOf<Promise<Map<string, number>>>();
    expectTypeOf<Parameters<There['later']>>().toEqualTypeOf<[a: { deep: number[] }]>();
    const generic = {} as Remote<{ echo<T>(value: T): Promise<T> }>;
    expectTypeOf(generic.echo<'a'>).returns.toEqualTypeOf<Promise<'a'>>();
    expectTypeOf<ReturnType<There['twice']>>().toEqualTypeOf<Promise<number>>();
    expectTypeOf<ReturnType<There['perhaps']>>().toEqualTypeOf<Promise<number | string>>();
    expectTypeOf<Parameters<There['rest']>>().toEqualTypeOf<[first: string, ...others: number[]]>();
    expectTypeOf<ReturnType<There['rest']>>().toEqualTypeOf<Promise<void>>();
    expectTypeOf<ReturnType<There['default']>>().toEqualTypeOf<Promise<string>>();
    expectTypeOf<ReturnType<There['arrow']>>().toEqualTypeOf<Promise<bigint>>();
    expectTypeOf<ReturnType<There['guards']>>().toEqualTypeOf<Promise<boolean>>();
  });

  test('what returns never, any or unknown is a function, no generator', () => {
    expectTypeOf<There['fails']>().toEqualTypeOf<RemoteFunction<[message: string], never>>();
    expectTypeOf<There['unchecked']>().toEqualTypeOf<RemoteFunction<[value: any], any>>();
    expectTypeOf<There['anything']>().toEqualTypeOf<RemoteFunction<any[], any>>();
    expectTypeOf<There['known']>().toEqualTypeOf<RemoteFunction<[value: unknown], unknown>>();
  });

  test('a generator gives its values as an async iterable, and its return value to who joins it as a thread', () => {
    expectTypeOf<There['frames']>().toEqualTypeOf<RemoteGenerator<[n: number], string, Date>>();
    expectTypeOf<There['stream']>().toEqualTypeOf<RemoteGenerator<[n: number], number, string>>();
    expectTypeOf<ReturnType<There['stream']>>().toExtend<AsyncIterableIterator<number>>();
    expectTypeOf<ReturnType<There['stream']>>().toExtend<AsyncDisposable>();
    expectTypeOf<ReturnType<There['stream']['spawn']>>().toEqualTypeOf<Thread<string>>();
    expectTypeOf<ReturnType<There['openEnded']>>().toExtend<AsyncIterable<number>>();
    expectTypeOf<ReturnType<There['stream']>>().not.toHaveProperty('then');
  });

  test('type parameters become what bounds them: TypeScript has no other way through a mapped type', () => {
    expectTypeOf<There['generic']>().toEqualTypeOf<RemoteFunction<[value: unknown], unknown[]>>();
    expectTypeOf<There['bounded']>().toEqualTypeOf<RemoteFunction<[value: { id: number }], number>>();
  });

  test('overloads are there, up to three; a thread of one is of the last', () => {
    const { overloaded, three } = {} as There;
    expectTypeOf(() => overloaded('a')).returns.toEqualTypeOf<Promise<string>>();
    expectTypeOf(() => overloaded(1)).returns.toEqualTypeOf<Promise<number>>();
    expectTypeOf(() => overloaded.with({ idempotent: true })('a')).returns.toEqualTypeOf<Promise<string>>();
    expectTypeOf(() => overloaded.spawn(1)).returns.toEqualTypeOf<Thread<number>>();
    // @ts-expect-error -- none of them takes that
    void (() => overloaded(true));
    expectTypeOf(() => three()).returns.toEqualTypeOf<Promise<null>>();
    expectTypeOf(() => three(1)).returns.toEqualTypeOf<Promise<number>>();
    expectTypeOf(() => three(1, 'a')).returns.toEqualTypeOf<Promise<string>>();
  });

  test('what gives a promise keeps type parameters and overloads, with options too', () => {
    const { echo, either } = {} as Remote<{ echo<T>(value: T): Promise<T>; either(value: string): Promise<1>; either(value: number): Promise<2> }>;
    expectTypeOf(() => echo.with({ deadlineMs: 5 })<'a'>('a')).returns.toEqualTypeOf<Promise<'a'>>();
    expectTypeOf(() => either.with({ deadlineMs: 5 }).with({ idempotent: true })('a')).returns.toEqualTypeOf<Promise<1>>();
    expectTypeOf(() => either(1)).returns.toEqualTypeOf<Promise<2>>();
  });

  test('what is no function is dropped, classes too', () => {
    expectTypeOf<Extract<keyof There, 'Model' | 'text' | 'object' | 'maybe'>>().toEqualTypeOf<never>();
    expectTypeOf<keyof There>().toEqualTypeOf<Exclude<keyof Module, 'Model' | 'text' | 'object' | 'maybe'>>();
  });

  test('pool.module and pool.run carry the types', () => {
    expectTypeOf((pool: Pool) => pool.module<Module>('file:///x.js')).returns.toEqualTypeOf<There>();
    expectTypeOf<Pool['module']>().parameter(0).toEqualTypeOf<string | URL>();
    expectTypeOf((pool: Pool) => pool.run<number>('file:///x.js', 1, 'a')).returns.toEqualTypeOf<Promise<number>>();
    expectTypeOf<Remote<typeof import('../fixtures/basic.ts')>['add']>().toEqualTypeOf<RemoteFunction<[a: number, b: number], number>>();
    expectTypeOf<Remote<typeof import('../fixtures/basic.ts')>>().not.toHaveProperty('UserError');
  });
});

describe('RemoteFunction', () => {
  test('spawn gives a thread of the result; a thread is not thenable', () => {
    expectTypeOf<There['later']['spawn']>().parameters.toEqualTypeOf<[a: { deep: number[] }]>();
    expectTypeOf<ReturnType<There['later']['spawn']>>().toEqualTypeOf<Thread<Map<string, number>>>();
    expectTypeOf<Thread<number>['join']>().returns.toEqualTypeOf<Promise<number>>();
    expectTypeOf<Thread<number>>().not.toHaveProperty('then');
    expectTypeOf<Thread['status']>().toEqualTypeOf<'queued' | 'ready' | 'running' | 'blocked' | 'done' | 'failed' | 'cancelled'>();
  });

  test('with gives the same function, and takes its options only', () => {
    expectTypeOf<There['sync']['with']>().returns.toEqualTypeOf<There['sync']>();
    expectTypeOf<There['stream']['with']>().returns.toEqualTypeOf<There['stream']>();
    expectTypeOf<There['sync']['with']>().parameter(0).toEqualTypeOf<WithOptions>();
    expectTypeOf<There['sync']['with']>().toBeCallableWith({ signal: AbortSignal.timeout(1), deadlineMs: 5, onDeadline: 'cancel', tickets: 2, transfer: [new ArrayBuffer(1)], affinity: 'a', idempotent: true, lane: 'back' });
    expectTypeOf<{ deadline: number }>().not.toExtend<WithOptions>();
    expectTypeOf<{ onDeadline: 'stop' }>().not.toExtend<WithOptions>();
    expectTypeOf<{ lane: 'middle' }>().not.toExtend<WithOptions>();
  });
});
