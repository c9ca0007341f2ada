import { expect as playwrightExpect } from "playwright/test";

/**
 * Playwright's assertions, which read the page repeatedly until they pass. Tests use them instead of reading the page
 * once, since a page may show the result of an action later.
 */
export const expect = playwrightExpect.configure({ timeout: 20_000 });
