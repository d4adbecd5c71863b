/** A vitest reporter for check.ts: how many tests passed, which failed, which were skipped and why, as JSON in the file that CAPRICCIO_TALLY names. */
import { writeFileSync } from 'node:fs';
import type { Reporter, TestModule } from 'vitest/node';

export interface Tally {
  readonly passed: number;
  readonly failed: readonly string[];
  /** `reason`: what the test gave to `skip`. */
  readonly skipped: readonly { readonly name: string; readonly reason: string | undefined }[];
  /** Files that could not be run, and errors outside of any test. */
  readonly broken: readonly string[];
}

export default class TallyReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly { message?: string }[]): void {
    const tests = modules.flatMap((module) => [...module.children.allTests()].map((test) => ({ name: `${module.relativeModuleId} > ${test.fullName}`, result: test.result() })));
    const tally: Tally = {
      passed: tests.filter(({ result }) => result.state === 'passed').length,
      failed: tests.filter(({ result }) => result.state === 'failed' || result.state === 'pending').map(({ name }) => name),
      skipped: tests.flatMap(({ name, result }) => result.state === 'skipped' ? [{ name, reason: result.note }] : []),
      broken: [...modules.filter((module) => module.errors().length > 0).map((module) => module.relativeModuleId), ...unhandled.map(({ message }) => message ?? 'an unhandled error')],
    };
    const file = process.env['CAPRICCIO_TALLY'];
    if (file !== undefined) writeFileSync(file, JSON.stringify(tally));
  }
}
