import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import type { Browser } from "playwright";
import { skip } from "../cluster.ts";

const NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/** The browser of this machine, or undefined. */
export function findChromium(): string | undefined {
  const { CHROMIUM, PATH = "" } = process.env;
  const places = PATH.split(delimiter).flatMap((directory) => NAMES.map((name) => join(directory, name)));
  return [...(CHROMIUM ? [CHROMIUM] : []), ...places].find((file) => existsSync(file));
}

/**
 * Starts the machine's Chromium. For a `before` hook: skips if there is none; if everything is required it fails.
 * @param more further options of its command line
 */
export async function startChromium(context: Mocha.Context, more: readonly string[] = []): Promise<Browser> {
  context.timeout(60_000);
  const browser = await launchChromium(more);
  return (
    browser ??
    skip(context, "there is no Chromium on the PATH (Debian: apt-get install chromium), and CHROMIUM names none")
  );
}

/** Starts the machine's Chromium; undefined where there is none. @param more - Further options of its command line. */
export async function launchChromium(more: readonly string[] = []): Promise<Browser | undefined> {
  const executablePath = findChromium();
  if (executablePath === undefined) return undefined;
  const { chromium } = await import("playwright");
  // Chromium's own sandbox refuses root, and would only confine our own page.
  return chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-dev-shm-usage", ...more] });
}
