import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

/** Interpreted only: the frames that the estimate is of. */
test('the estimate of a frame is 0.85 to 2 of what V8 takes', () => {
  const script = fileURLToPath(new URL('../../fixtures/compiler/frame-weights.ts', import.meta.url));
  const text = execFileSync(process.execPath, ['--stack-size=984', '--no-opt', '--no-sparkplug', '--no-maglev', '--conditions=capriccio-source', '--disable-warning=ExperimentalWarning', script], { encoding: 'utf8', timeout: 30_000 });
  const shares = JSON.parse(text) as Record<string, number>;
  expect(Object.keys(shares).length).toBeGreaterThan(20);
  for (const [name, share] of Object.entries(shares)) {
    expect(share, name).toBeGreaterThan(0.85);
    expect(share, name).toBeLessThan(2);
  }
});
