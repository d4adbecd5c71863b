import assert from 'node:assert/strict';
import fsp, { mkdir, rename, rm, symlink, truncate, utimes, writeFile } from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { describe, test } from 'vitest';
import { FileCache } from '../../../packages/core/src/http/file-cache.ts';
import { staticFiles } from '../../../packages/core/src/static.ts';
import { askNode, big, folder, root } from './static-rig.ts';

describe('the cache', () => {
  test('a changed file is served after validateMs, a removed one is gone, a new one comes', async () => {
    const { ask } = await askNode({ validateMs: 40 });
    const first = await ask('/a.txt');
    await writeFile(join(root, 'a.txt'), 'changed');
    assert.equal((await ask('/a.txt')).text, first.text);
    await delay(50);
    const second = await ask('/a.txt');
    assert.equal(second.text, 'changed');
    assert.notEqual(second.headers.etag, first.headers.etag);
    await rm(join(root, 'a.txt'));
    await delay(50);
    assert.equal((await ask('/a.txt')).status, 404);
    await writeFile(join(root, 'a.txt'), 'again');
    assert.equal((await ask('/a.txt')).text, 'again');
  });

  test('one of the same size and date is noticed too', async () => {
    const { ask } = await askNode({ validateMs: 0 });
    const when = new Date(2020, 1, 1);
    await utimes(join(root, 'a.txt'), when, when);
    await ask('/a.txt');
    await writeFile(join(root, 'new'), 'HELLO, STATIC WORLD');
    await utimes(join(root, 'new'), when, when);
    await rename(join(root, 'new'), join(root, 'a.txt'));
    assert.equal((await ask('/a.txt')).text, 'HELLO, STATIC WORLD');
  });

  test('one that was written over with the same size and date is noticed as well', async () => {
    const { ask } = await askNode({ validateMs: 0 });
    const when = new Date(2020, 1, 1);
    await utimes(join(root, 'a.txt'), when, when);
    await ask('/a.txt');
    await writeFile(join(root, 'a.txt'), 'HELLO, STATIC WORLD', { flag: 'r+' });
    await utimes(join(root, 'a.txt'), when, when);
    assert.equal((await ask('/a.txt')).text, 'HELLO, STATIC WORLD');
  });

  test('one look at an unchanged file is enough for the next validateMs', async () => {
    const cache = new FileCache(root, { cacheBytes: 1e6, fileBytesMax: 1e6, validateMs: 100, cacheControl: '' });
    const first = await cache.find('a.txt');
    await delay(110);
    const again = cache.find('a.txt');
    assert.ok(again instanceof Promise);
    assert.equal(await again, first);
    assert.equal(cache.find('a.txt'), first);
  });

  test('a large file that has become small, or empty, since the last look is announced as it is', async () => {
    const { ask } = await askNode({ validateMs: 1e9 });
    await ask('/big.bin');
    for (const length of [1000, 0]) {
      await truncate(join(root, 'big.bin'), length);
      const reply = await ask('/big.bin');
      assert.deepEqual([reply.status, reply.headers['content-length'], reply.body], [200, String(length), big.subarray(0, length)]);
      assert.equal((await ask('/big.bin', { headers: { range: 'bytes=5000-' } })).status, 416);
    }
  });

  test('a root that is a link may be pointed to the next release', async () => {
    const current = join(folder, 'current');
    await mkdir(join(folder, 'release-2'));
    await writeFile(join(folder, 'release-2', 'a.txt'), 'two');
    await symlink(root, current);
    const files = staticFiles(pathToFileURL(current), { validateMs: 0 });
    const text = async (): Promise<string> => await (await files.fetch(new Request('http://x/a.txt')))!.text();
    assert.equal(await text(), 'hello, static world');
    await rm(current);
    await symlink(join(folder, 'release-2'), current);
    assert.equal(await text(), 'two');
  });

  test('misses of one file at one time share one read', async () => {
    const { open } = fsp;
    let opened = 0;
    fsp.open = (...args) => {
      opened++;
      return open(...args);
    };
    syncBuiltinESMExports();
    try {
      const files = staticFiles(root);
      const replies = await Promise.all(Array.from({ length: 50 }, async () => await (await files.fetch(new Request('http://x/a.txt')))!.text()));
      assert.deepEqual(new Set(replies), new Set(['hello, static world']));
      assert.equal(opened, 1);
    } finally {
      fsp.open = open;
      syncBuiltinESMExports();
    }
  });

  test('it is bounded, and what is used stays', async () => {
    for (let n = 0; n < 40; n++) await writeFile(join(root, `f${n}.txt`), `${n}`.padStart(10_000, '.'));
    const cache = new FileCache(root, { cacheBytes: 100_000, fileBytesMax: 20_000, validateMs: 1e9, cacheControl: '' });
    for (let n = 0; n < 40; n++) {
      await cache.find(`f${n}.txt`);
      assert.ok(cache.bytes <= 100_000);
      assert.ok(!(cache.find('f0.txt') instanceof Promise), `f0 was evicted after ${n}`);
    }
    assert.ok(cache.find('f1.txt') instanceof Promise);
    assert.ok(!(cache.find('f39.txt') instanceof Promise));
    assert.equal((await cache.find('big.bin') as { body: unknown }).body, undefined);
  });

  test('cacheBytes 0 keeps nothing and serves everything', async () => {
    const { ask } = await askNode({ cacheBytes: 0 });
    for (const path of ['/a.txt', '/empty.txt', '/', '/big.bin']) {
      for (let n = 0; n < 2; n++) assert.equal((await ask(path)).status, 200);
    }
    assert.deepEqual((await ask('/big.bin')).body, big);
    assert.equal((await ask('/empty.txt')).text, '');
  });
});
