/** A user's own error crosses threads: class name, code, own properties, cause, and the stacks of both sides. */
import assert from 'node:assert/strict';
import { CapriccioError, createPool, isCapriccioError, type Pool, type Remote } from 'capriccio';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { theNativeCaller } from '../../fixtures/core/caller.ts';
import { fixture, poolFor, rejection } from './rig.ts';

type Errors = typeof import('../../fixtures/core/errors.ts');
let pool: Pool;
let errors: Remote<Errors>;
beforeAll(async () => {
  pool = await createPool(2);
  errors = pool.module<Errors>(fixture('errors.ts'));
});
afterAll(async () => { await pool.close({ graceMs: 0 }); });

describe.each([['at once', 'failsAtOnce'], ['later', 'failsLater']] as const)('an error thrown %s', (_, name) => {
  test('keeps its class name, code and own properties', async () => {
    const error = await rejection(errors[name]('the message'));
    assert.ok(error instanceof Error);
    assert.equal(error.constructor.name, 'UserError');
    assert.equal(error.name, 'UserError');
    assert.equal(error.message, 'the message');
    assert.equal(error.code, 'E_USER');
    assert.deepEqual(error['detail'], { deep: [1, { two: 2 }] });
    assert.deepEqual(error['when'], new Date(5));
    assert.equal(String(error), 'UserError: the message');
    assert.deepEqual(Object.keys(error).toSorted(), ['code', 'detail', 'name', 'when']);
  });
  test('has the frames of the thread that failed, then those of its caller', async () => {
    async function theCallerInThisFile(): Promise<void> { await errors[name]('the message'); }
    const { stack = '' } = await rejection(theCallerInThisFile());
    assert.match(stack, /^UserError: the message\n/);
    const remote = stack.search(/at .*(failsAtOnce|deeper).*test\/fixtures\/core\/errors\.ts:\d+:\d+/);
    const border = stack.search(/at --- in worker \d+, called by ---/);
    const local = stack.search(/at (async )?theCallerInThisFile.*errors\.test\.ts/);
    assert.ok(remote > 0 && border > remote && local > border, stack);
  });
});

test('the frames of the caller are those that V8 shows for an await', async () => {
  const { stack = '' } = await rejection(theNativeCaller(() => errors.failsLater('x')));
  assert.match(stack, /\n {4}at --- in worker \d, called by ---\n {4}at async theInnerCaller \(.*caller\.ts:3:\d+\)\n {4}at async theNativeCaller \(.*caller\.ts:2:\d+\)/);
  assert.doesNotMatch(stack.slice(stack.indexOf('---')), /processTicksAndRejections|rejectWithCaller/);
});
test('the line of the throw is that of the source', async () => {
  const { stack = '' } = await rejection(errors.quota());
  assert.match(stack, /quota.*errors\.ts:18:\d+/);
});
test('a cause is an error too, of its class, with its stack', async () => {
  const { cause } = await rejection(errors.failsAtOnce('x'));
  assert.ok(cause instanceof TypeError);
  assert.equal(cause.message, 'inner');
  assert.match(cause.stack ?? '', /failsAtOnce/);
});
test('a chain of causes', async () => {
  let error = await rejection(errors.causes(5));
  for (let level = 5; level > 0; level--) { assert.equal(error.message, `level ${level}`); error = error.cause as typeof error; }
  assert.equal(error.message, 'bottom');
  assert.equal(error.code, 'E_USER');
});
test('an error that is its own cause', async () => {
  const error = await rejection(errors.circular());
  assert.equal(error.cause, error);
});
test('a subclass of a built-in is an instance of the built-in', async () => {
  const error = await rejection(errors.quota());
  assert.ok(error instanceof RangeError);
  assert.equal(error.constructor.name, 'QuotaError');
  assert.equal(error.name, 'QuotaError');
  assert.equal(error['left'], 3);
});
test.each(['TypeError', 'RangeError', 'SyntaxError', 'ReferenceError', 'EvalError', 'URIError', 'Error'])('%s is rebuilt as itself', async (name) => {
  const error = await rejection(errors.builtIn(name));
  assert.equal(error.constructor, (globalThis as unknown as Record<string, unknown>)[name]);
  assert.equal(error.message, `a ${name}`);
});
test('an AggregateError keeps its errors', async () => {
  const error = await rejection(errors.aggregate()) as unknown as AggregateError;
  assert.ok(error instanceof AggregateError);
  assert.equal(error.message, 'all failed');
  const [one, two, three] = error.errors as [Error & { code: string }, Error, string];
  assert.equal(one.code, 'E_USER');
  assert.ok(two instanceof RangeError);
  assert.equal(three, 'three');
});
test('a DOMException keeps its name and its legacy code', async () => {
  for (const error of [await rejection(errors.dom()), await rejection(errors.aborts())]) {
    assert.ok(error instanceof DOMException);
    assert.equal(error.name, 'AbortError');
    assert.equal(error.code, DOMException.ABORT_ERR);
  }
});
test.each([['text', 'just text'], ['number', 42], ['undefined', undefined], ['null', null], ['false', false], ['object', { a: [1], code: 'X' }], ['bigint', 7n]])('a thrown %s arrives as it is', async (kind, expected) => {
  assert.deepEqual(await rejection(errors.throwsValue(kind)), expected);
  assert.deepEqual(await rejection(errors.rejectsWith(expected)), expected);
});
test('a thrown symbol or function, which cannot cross, is told of', async () => {
  assert.match((await rejection(errors.throwsSymbol())).message, /symbol.*thrown/);
  assert.match((await rejection(errors.throwsFunction())).message, /function/);
});
test('properties that cannot cross are left out, the others come', async () => {
  const error = await rejection(errors.uncloneable());
  assert.equal(error.message, 'with baggage');
  assert.equal(error['ok'], 1);
  assert.equal('fn' in error, false);
  const odd = await rejection(errors.getterThrows());
  assert.equal(odd.message, 'odd');
  assert.equal(odd['ok'], 2);
});
test('a CapriccioError is rebuilt as one', async () => {
  const error = await rejection(errors.ours());
  assert.ok(error instanceof CapriccioError);
  assert.ok(isCapriccioError(error, 'CAP_ERR_TIMEOUT'));
  assert.equal(error.message, 'made by a user');
  assert.equal((error.cause as Error).message, 'why');
});
test('errors of Node keep their codes', async () => {
  const error = await rejection(errors.system());
  assert.equal(error.code, 'ENOENT');
  assert.equal(error['syscall'], 'open');
  assert.equal(error['path'], '/not/there');
  assert.equal((await rejection(errors.missing())).code, 'ERR_MODULE_NOT_FOUND');
});
test('errors that V8 throws', async () => {
  assert.ok(await rejection(errors.syntax() as Promise<unknown>) instanceof SyntaxError);
  const overflow = await rejection(errors.overflow());
  assert.ok(overflow instanceof RangeError, String(overflow.stack));
  assert.match(overflow.message, /call stack/i);
});
test('a frozen error, a huge one, a thenable that rejects', async () => {
  assert.equal((await rejection(errors.frozen())).code, 'E_USER');
  const huge = await rejection(errors.huge());
  assert.match(huge.message, /^m{1000}/);
  assert.equal(huge['data'], 'd'.repeat(10));
  assert.equal((await rejection(errors.thenable() as Promise<unknown>)).message, 'thenable');
});
test('the rebuilt class of a name is one class', async () => {
  const [a, b] = [await rejection(errors.quota()), await rejection(errors.quota())];
  assert.equal(a.constructor, b.constructor);
});
test('an error passes through levels of calls with the frames of each', async () => {
  async function theOutermost(): Promise<void> { await errors.levels(3); }
  const { code, message, stack = '' } = await rejection(theOutermost());
  assert.equal(code, 'E_USER');
  assert.equal(message, 'at the bottom');
  assert.equal(stack.match(/at (async )?(Module\.)?levels.*errors\.ts/g)?.length, 4, stack);
  assert.match(stack, /at (async )?theOutermost/);
});
test('a thread that catches it sees its class and code', async () => { assert.equal(await errors.caught(), 'UserError E_USER at the bottom'); });
test('a generator that fails after values: class, code, both stacks', async () => {
  const got: number[] = [];
  async function theReader(): Promise<void> { for await (const value of errors.yieldsThenFails()) got.push(value); }
  const { code, message, stack = '' } = await rejection(theReader());
  assert.deepEqual(got, [1, 2]);
  assert.equal(code, 'E_USER');
  assert.equal(message, 'after two');
  assert.match(stack, /yieldsThenFails.*errors\.ts/);
  assert.match(stack, /--- in worker \d, called by ---[^]*at (async )?theReader/);
});
test('a spawned thread that fails: its error is that of join', async () => {
  const thread = errors.failsLater.spawn('spawned');
  async function theJoiner(): Promise<void> { await thread.join(); }
  const { code, stack = '' } = await rejection(theJoiner());
  assert.equal(code, 'E_USER');
  assert.match(stack, /deeper.*errors\.ts[^]*at (async )?theJoiner/);
  assert.equal(thread.status, 'failed');
});
test('nothing is told of an error that is handled, once, and by whoever handles it', async () => {
  const before = process.listenerCount('unhandledRejection');
  const seen: unknown[] = [];
  const note = (error: unknown): void => { seen.push(error); };
  process.on('unhandledRejection', note);
  const call = errors.failsAtOnce('handled later in the same turn');
  await Promise.all([rejection(call), rejection(errors.failsLater('x'))]);
  await new Promise((resolve) => { setTimeout(resolve, 20); });
  process.off('unhandledRejection', note);
  assert.deepEqual(seen, []);
  assert.equal(process.listenerCount('unhandledRejection'), before);
});
test('in this thread too, without cores', async () => {
  const own = await poolFor(0);
  const error = await rejection(own.module<Errors>(fixture('errors.ts')).failsLater('here'));
  assert.equal(error.constructor.name, 'UserError');
  assert.equal(error.code, 'E_USER');
  assert.match(error.stack ?? '', /deeper.*errors\.ts/);
});
