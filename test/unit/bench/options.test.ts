import { describe, expect, it } from 'vitest';
import { parseOptions, UsageError } from '../../../packages/bench/src/demo/options.ts';

describe('the command line of npm start', () => {
  it('has a default for everything', () => {
    expect(parseOptions([])).toMatchObject({ seconds: 10, rate: undefined, only: ['capriccio', 'http', 'cluster'], json: false, serve: false, help: false });
  });

  it('takes every option', () => {
    expect(parseOptions(['--cores', '3', '--seconds', '2', '--rate', '50', '--load', '0.5', '--seed', '9', '--only', 'cluster,http', '--json']))
      .toMatchObject({ cores: 3, seconds: 2, rate: 50, load: 0.5, seed: 9, only: ['http', 'cluster'], json: true });
    expect(parseOptions(['--serve', '--port', '0'])).toMatchObject({ serve: true, port: 0 });
  });

  it.each([
    [['--corse', '2'], /corse/],
    [['stray'], /stray/],
    [['--cores', '0'], /--cores is a whole number from 1/],
    [['--cores', 'two'], /not 'two'/],
    [['--seconds', '1.5'], /whole number/],
    [['--only', 'http,deno'], /there is no 'deno'/],
    [['--port', '80'], /--serve/],
    [['--rate', '50000', '--seconds', '600'], /at most/],
  ])('refuses %j', (args, message) => {
    expect(() => parseOptions(args)).toThrow(UsageError);
    expect(() => parseOptions(args)).toThrow(message);
  });
});
