import { describe, expect, test } from 'vitest';
import { libraries, load, smallFunctions } from '../../../packages/bench/src/micro/recursive-libraries.ts';
import { short, stack } from './linked.ts';

describe('a library gives what it gives natively', () => {
  for (const library of [...libraries, ...smallFunctions]) {
    test(library.name, { timeout: 60_000 }, async () => {
      const native = library.job((await load(library, false)).module as never);
      const { module, report, text } = await load(library, true);
      const job = library.job(module as never);
      expect(report?.skipped).toBeUndefined();
      expect(report?.linked.length).toBeGreaterThan(0);
      expect(text.split('\n').length).toBe((await load(library, false)).text.split('\n').length);
      const expected = native();
      expect(job()).toEqual(expected);
      const { switches } = stack;
      expect(short(job)).toEqual(expected);
      expect(stack.switches).toBeGreaterThan(switches);
    });
  }
});
