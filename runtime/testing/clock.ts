import { mock } from "node:test";

const { now } = performance;

/**
 * Root hooks of mocha: a test that leaves the clock of its process replaced fails. Otherwise the deadlines of all later
 * tests of the process would never pass. `mock.restoreAll` does not undo two mocks of the same method.
 */
export const mochaHooks = {
  afterEach() {
    if (performance.now === now) return;
    // The reset restores the first mock if a method was mocked twice.
    mock.reset();
    performance.now = now;
    throw new Error("The test left performance.now replaced. Mock it once per test, and restore it in afterEach.");
  },
};
