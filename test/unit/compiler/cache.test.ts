import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { DiskCache, cacheDirectory } from '../../../packages/compiler/src/cache.ts';
import { filesToCompile } from '../../../packages/compiler/src/patterns.ts';

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'capriccio-cache-test-'));
afterAll(() => { fs.rmSync(folder, { recursive: true, force: true }); });

describe('the cache on disk', () => {
  test('gives back what was written, under the key of everything that it depends on', () => {
    const cache = new DiskCache(path.join(folder, 'a'));
    const key = DiskCache.keyOf('1', 'module', 'url', 'source');
    expect(cache.read(key)).toBeUndefined();
    cache.write(key, 'code é');
    expect(new DiskCache(path.join(folder, 'a')).read(key)).toBe('code é');
    expect(DiskCache.keyOf('1', 'module', 'urls', 'ource')).not.toBe(key);
  });

  test('is bounded: what was used longest ago goes first, and so do writes that were never finished', () => {
    const directory = path.join(folder, 'b');
    const cache = new DiskCache(directory, 1000);
    const old = Date.now() / 1000 - 7200;
    for (let k = 0; k < 10; k++) {
      cache.write(`key${k}`, 'x'.repeat(300));
      fs.utimesSync(path.join(directory, `key${k}`), old + k, old + k);
    }
    fs.writeFileSync(path.join(directory, 'key9.abandoned'), '');
    fs.utimesSync(path.join(directory, 'key9.abandoned'), old, old);
    cache.prune();
    expect(fs.readdirSync(directory).toSorted()).toEqual(['key7', 'key8', 'key9']);
  });

  test('a directory that others could write to is not used', () => {
    expect(cacheDirectory({ CAPRICCIO_CACHE: '0' })).toBeUndefined();
    expect(cacheDirectory({ CAPRICCIO_CACHE: folder })).toBe(folder);
    const { TMPDIR } = process.env;
    process.env['TMPDIR'] = folder;
    try {
      const own = cacheDirectory({}) as string;
      expect(path.dirname(own)).toBe(folder);
      if (process.platform === 'win32') return;
      fs.chmodSync(own, 0o777);
      expect(cacheDirectory({})).toBeUndefined();
    } finally {
      if (TMPDIR === undefined) delete process.env['TMPDIR'];
      else process.env['TMPDIR'] = TMPDIR;
    }
  });
});

describe('which files are compiled', () => {
  test.each([
    [{}, 'file:///app/src/a.js', true], [{}, 'file:///app/node_modules/p/a.js', false], [{}, 'node:fs', false], [{}, 'data:text/javascript,1', false], [{}, 'file:///own/dist/a.js', false],
    [{ include: ['p'] }, 'file:///app/node_modules/p/a.js', true], [{ include: ['p'] }, 'file:///app/node_modules/q/a.js', false], [{ include: ['@s/p'] }, 'file:///app/node_modules/@s/p/lib/a.js', true],
    [{ include: ['p'] }, 'file:///app/node_modules/p/node_modules/q/a.js', false], [{ include: [/\/q\//] }, 'file:///app/node_modules/p/node_modules/q/a.js', true],
    [{ exclude: ['/app/src/**'] }, 'file:///app/src/deep/a.js', false], [{ exclude: ['/app/src/**'] }, 'file:///app/lib/a.js?v=1', true], [{ include: ['p'], exclude: [/a\.js$/g] }, 'file:///app/node_modules/p/a.js', false],
    [{ include: [/./] }, 'file:///own/dist/a.js', false],
  ])('%j: %s %s', (patterns, url, expected) => {
    const isIncluded = filesToCompile(patterns, ['file:///own/dist/']);
    expect([isIncluded(url), isIncluded(url)]).toEqual([expected, expected]);
  });
});
