import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import { Functions, nameOfFunction, type FunctionRecord } from '../../../packages/worker/src/functions.ts';
import { Roots } from '../../../packages/worker/src/roots.ts';

const urlOf = (file: string): string => new URL(`../../fixtures/functions/${file}`, import.meta.url).href;
const functions = (): Functions => new Functions(new Roots(), { 'built.in': () => 'built in' });
async function load(file: string, exportName: string): Promise<FunctionRecord> {
  const all = functions();
  const record = all.named(nameOfFunction(urlOf(file), exportName));
  await all.load(record);
  return record;
}
const resultOf = async (file: string, exportName: string, ...args: unknown[]): Promise<unknown> => {
  const { fn, failure } = await load(file, exportName);
  if (fn === undefined) throw failure as Error;
  return fn(...args);
};

describe('an export is found', () => {
  test('in an ES module: by name, as default, as a property of the default', async () => {
    assert.equal(await resultOf('esm.mjs', 'named', 1), 2);
    assert.equal(await resultOf('esm.mjs', 'default'), 'main');
    assert.equal(await resultOf('esm.mjs', 'attached'), 'attached');
    assert.equal(await resultOf('object-default.mjs', 'inside'), 'inside');
  });

  test('in a CommonJS module: named, computed, behind a getter', async () => {
    assert.equal(await resultOf('plain.cjs', 'named', 1), 2);
    assert.equal(await resultOf('plain.cjs', 'computed1'), 'computed');
    assert.equal(await resultOf('plain.cjs', 'getter'), 'got');
  });

  test('in a CommonJS module that is a function: it, and its properties', async () => {
    assert.equal(await resultOf('function.cjs', 'default'), 'the module');
    assert.equal(await resultOf('function.cjs', 'helper'), 'helper');
  });

  test('in an ES module that was compiled to CommonJS: its own default', async () => {
    assert.equal(await resultOf('compiled.cjs', 'default'), 'compiled default');
    assert.equal(await resultOf('compiled.cjs', 'named'), 'named');
  });

  test('after a top-level await; meanwhile it says that it is loading', async () => {
    const all = functions();
    const record = all.named(nameOfFunction(urlOf('waits.mjs'), 'late'));
    const loading = all.load(record);
    assert.deepEqual([all.isLoading, record.root.isLoading, record.fn], [true, true, undefined]);
    assert.equal(all.load(record), loading, 'it is loaded once');
    await loading;
    assert.deepEqual([all.isLoading, record.root.isLoading, record.fn?.()], [false, false, 'late']);
  });

  test('built in, without a module', () => {
    assert.equal(functions().named(nameOfFunction('', 'built.in')).fn?.(), 'built in');
  });
});

describe('what a function is', () => {
  test('generators are told from the rest, and what may block from what has not yet', async () => {
    const kinds = await Promise.all(['named', 'later', 'counts', 'countsLater'].map((name) => load('esm.mjs', name)));
    assert.deepEqual(kinds.map(({ kind }) => kind), ['plain', 'plain', 'generator', 'generator']);
    assert.deepEqual(kinds.map(({ mayBlock }) => mayBlock), [false, true, true, true]);
  });

  test('one name is one record and one root; two exports of a module are two', () => {
    const all = functions();
    const [a, again, b] = ['named', 'named', 'later'].map((name) => all.named(nameOfFunction(urlOf('esm.mjs'), name))) as [FunctionRecord, FunctionRecord, FunctionRecord];
    assert.equal(a, again);
    assert.notEqual(a.root, b.root);
  });
});

describe('what is not there fails with CAP_ERR_MODULE', () => {
  const failureOf = async (file: string, exportName: string): Promise<Error & { code: string }> => {
    const { fn, failure } = await load(file, exportName);
    assert.equal(fn, undefined);
    assert.equal(failure?.code, 'CAP_ERR_MODULE');
    return failure;
  };

  test('a missing module: its url, the export, and the cause', async () => {
    const { message, cause } = await failureOf('missing.mjs', 'f');
    assert.match(message, /missing\.mjs/);
    assert.match(message, /export f\)/);
    assert.equal((cause as { code: string }).code, 'ERR_MODULE_NOT_FOUND');
  });

  test('a module that throws while it is loaded, whatever it throws', async () => {
    assert.match((await failureOf('throws.mjs', 'f')).message, /at load/);
    assert.match((await failureOf('throws-null.mjs', 'f')).message, /null/);
  });

  test('a missing export: what there is instead', async () => {
    assert.match((await failureOf('esm.mjs', 'typo')).message, /no function typo; it exports named, later|no function typo; it exports .*named/);
    assert.match((await failureOf('esm.mjs', 'constant')).message, /no function constant, only a number/);
    assert.match((await failureOf('nothing.mjs', 'f')).message, /exports no function/);
    assert.match((await failureOf('plain.cjs', 'default')).message, /no function default/);
  });

  test('what every object and function inherits is no export', async () => {
    for (const [file, name] of [['plain.cjs', 'toString'], ['function.cjs', 'call'], ['object-default.mjs', 'hasOwnProperty'], ['esm.mjs', 'constructor'], ['esm.mjs', '__proto__']] as const) await failureOf(file, name);
  });

  test('it stays so: the module is not tried again', async () => {
    const all = functions();
    const record = all.named(nameOfFunction(urlOf('missing.mjs'), 'f'));
    await all.load(record);
    const { failure } = record;
    await all.load(record);
    assert.equal(record.failure, failure);
    assert.equal(all.isLoading, false);
  });
});
