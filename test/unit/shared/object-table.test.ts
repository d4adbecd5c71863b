import assert from 'node:assert/strict';
import { test } from 'vitest';
import { BARRIER, CHANNEL, MUTEX, findOrMake, isCapriccioError } from '@capriccio/shared';
import { arena } from './arena.ts';

test('it is bounded, and says so', () => {
  const memory = arena();
  assert.throws(() => findOrMake(memory, 0, { name: 'big', kind: CHANNEL, parameters: [1, 1 << 20] }), (error) => isCapriccioError(error, 'CAP_ERR_MEMORY') && /1048576 bytes, and 16384 of 16384/.test((error as Error).message));
  for (let k = 0; k < 16; k++) findOrMake(memory, 0, { name: `n${k}`, kind: MUTEX, parameters: [] });
  assert.throws(() => findOrMake(memory, 0, { name: 'one more', kind: MUTEX, parameters: [] }), (error) => isCapriccioError(error, 'CAP_ERR_MEMORY') && /16 shared objects/.test((error as Error).message));
  assert.throws(() => findOrMake(memory, 0, { name: 'n3', kind: BARRIER, parameters: [2] }), (error) => isCapriccioError(error, 'CAP_ERR_OPTION') && /name of a mutex/.test((error as Error).message));
  assert.throws(() => findOrMake(memory, 0, { name: 'é'.repeat(49), kind: MUTEX, parameters: [] }), (error) => isCapriccioError(error, 'CAP_ERR_OPTION') && /98 bytes/.test((error as Error).message));
});
