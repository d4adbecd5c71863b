/**
 * A vitest reporter for check.ts: how many tests passed, which failed, which were skipped and why, as JSON in the file that CAPRICCIO_TALLY names.
 * Written again after each file, so that a run which had to be ended has told what it knew.
 */
import { writeFileSync } from 'node:fs';
import type { Reporter, TestModule } from 'vitest/node';

export interface Tally {
  passed: number;
  readonly failed: string[];
  /** Passed, but not at the first try: with what went wrong then. */
  readonly unsteady: { readonly name: string; readonly error: string }[];
  /** `reason`: what the test gave to `skip`. */
  readonly skipped: { readonly name: string; readonly reason: string | undefined }[];
  /** Files that could not be run, and errors outside of any test. */
  readonly broken: string[];
}

export default class TallyReporter implements Reporter {
  readonly #tally: Tally = { passed: 0, failed: [], unsteady: [], skipped: [], broken: [] };

  onTestModuleEnd(module: TestModule): void {
    const { failed, unsteady, skipped, broken } = this.#tally;
    const file = module.relativeModuleId;
    const isBroken = module.errors().length > 0 || [...module.children.allSuites()].some((suite) => suite.errors().length > 0);
    if (isBroken) broken.push(file);
    for (const test of module.children.allTests()) {
      const name = `${file} > ${test.fullName}`;
      const result = test.result();
      if (test.diagnostic()?.flaky === true) unsteady.push({ name, error: (result.errors ?? []).map(({ message, stack }) => stack ?? message).join('\n') });
      if (result.state === 'passed') this.#tally.passed++;
      else if (result.state !== 'skipped') failed.push(name);
      else if (!isBroken) skipped.push({ name, reason: result.note });    // a hook that failed skips its tests: that counts once
    }
    this.#write();
  }

  onTestRunEnd(_modules: readonly TestModule[], unhandled: readonly { message?: string }[]): void {
    this.#tally.broken.push(...unhandled.map(({ message }) => message ?? 'an unhandled error'));
    this.#write();
  }

  #write(): void {
    const file = process.env['CAPRICCIO_TALLY'];
    if (file !== undefined) writeFileSync(file, JSON.stringify(this.#tally));
  }
}
