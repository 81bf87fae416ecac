import type { Reporter, TestCase } from 'vitest/node';

/** Names the tests that failed and then passed, which no other reporter does. */
export default class SecondAttempts implements Reporter {
  readonly #names: string[] = [];

  onTestCaseResult(test: TestCase): void {
    if (test.diagnostic()?.flaky === true) this.#names.push(`${test.module.relativeModuleId} > ${test.fullName}`);
  }

  onTestRunEnd(): void {
    if (this.#names.length > 0) console.log(`\nPassed at a second attempt:\n  ${this.#names.join('\n  ')}`);
  }
}
