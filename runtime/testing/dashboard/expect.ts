import { expect as playwrightExpect } from "playwright/test";

/**
 * Playwright's assertions, which read the page until they hold. Tests use them instead of reading the page once, since
 * a page may show the result of an action later than the test looks.
 */
export const expect = playwrightExpect.configure({ timeout: 20_000 });
