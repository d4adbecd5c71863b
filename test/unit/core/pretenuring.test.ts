/** What requests leave in the old generation, when collections of the young one have met others like them in their middle. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, test } from 'vitest';
import { fixture } from './rig.ts';

const program = fileURLToPath(fixture('pretenuring.ts'));
async function leftBytes(...flags: string[]): Promise<number> {
  const { stdout } = await promisify(execFile)(process.execPath, ['--expose-gc', '--single-threaded', ...flags, '--conditions=capriccio-source', program], { timeout: 60_000 });
  return Number(stdout);
}

describe('objects of requests', () => {
  test('are made young in a pool, and leave nothing in the old generation', async () => {
    const bytes = await leftBytes();
    assert.ok(bytes < 16_384, `${bytes} bytes a request`);
  });

  test("are made where V8 guesses, by the flag of whoever wants it, and then whole requests stay there", async () => {
    const bytes = await leftBytes('--allocation-site-pretenuring');
    assert.ok(bytes > 100_000, `${bytes} bytes a request`);
  });
});
