import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import { fileNameOf } from '../../../packages/core/src/http/static-path.ts';

describe('file names of paths', () => {
  test.each([
    ['/a/b.txt', 'a/b.txt', false], ['a/b.txt', 'a/b.txt', false], ['', '', true], ['/', '', true], ['/a/', 'a', true], ['//a//b//', 'a/b', true],
    ['/%61', 'a', false], ['/a%20b', 'a b', false], ['/a:b', 'a:b', false], ['/...', '...', false],
  ])('%j', (path, key, isDirectory) => {
    assert.deepEqual(fileNameOf(path, 'allow', 'linux'), { key, isDirectory });
  });

  test.each(['/a\0b', '/a\\b', '/a%00', '/a%2Fb', '/a%2fb', '/a%5Cb', '/..', '/a/../b', '/%2e%2e/b', '/.', '/a/./b', '/%ff', '/%'])('%j is refused', (path) => {
    assert.equal(fileNameOf(path, 'allow', 'linux'), undefined);
  });

  test.each(['/a:b', '/c:/x', '/a.txt::$DATA', '/a.', '/a ', '/a./b', '/a*'])('%j is refused on Windows', (path) => {
    assert.equal(fileNameOf(path, 'allow', 'win32'), undefined);
    assert.notEqual(fileNameOf(path, 'allow', 'linux'), undefined);
  });
});
