import { expect, test } from 'vitest';
import { createPool } from 'capriccio';

const url = new URL('../../fixtures/compiler/deep.ts', import.meta.url);
type Deep = typeof import('../../fixtures/compiler/deep.ts');

test('workers parse what nests 200,000 deep, and end what has no end', { timeout: 60_000 }, async () => {
  await using pool = await createPool({ cores: 1, spares: 0, framesMax: 1_000_000 });
  const deep = pool.module<Deep>(url);
  expect(await deep.parsedDepth(200_000)).toBe(200_000);
  await expect(deep.endless()).rejects.toMatchObject({ code: 'CAP_ERR_STACK', message: expect.stringMatching(/1000000 frames.*ping \(.*deep\.ts:19\).*pong \(.*deep\.ts:20\)|1000000 frames.*pong.*ping/) });
  expect(await deep.parsedDepth(10)).toBe(10);
});

test('uncompiled, the native stack is what there is', async () => {
  await using pool = await createPool({ cores: 1, spares: 0, compile: false });
  await expect(pool.module<Deep>(url).parsedDepth(200_000)).rejects.toThrow(RangeError);
});
