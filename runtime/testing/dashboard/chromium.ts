import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import type { Browser } from "playwright";
import { skip } from "../cluster.ts";

const NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/** Returns the path of this machine's Chromium or Chrome; undefined if there is none. */
export function findChromium(): string | undefined {
  const { CHROMIUM, PATH = "" } = process.env;
  const candidates = PATH.split(delimiter).flatMap((directory) => NAMES.map((name) => join(directory, name)));
  return [...(CHROMIUM ? [CHROMIUM] : []), ...candidates].find((file) => existsSync(file));
}

/**
 * Starts the machine's Chromium, for a `before` hook. Without one, skips the suite, or fails if everything is required.
 * @param extraArgs - Further command-line arguments.
 */
export async function startChromium(context: Mocha.Context, extraArgs: readonly string[] = []): Promise<Browser> {
  context.timeout(Math.max(60_000, context.timeout()));
  const browser = await launchChromium(extraArgs);
  return (
    browser ??
    skip(context, "there is no Chromium on the PATH (Debian: apt-get install chromium), and CHROMIUM names none")
  );
}

/** Starts the machine's Chromium; undefined if there is none. @param extraArgs - Further command-line arguments. */
export async function launchChromium(extraArgs: readonly string[] = []): Promise<Browser | undefined> {
  const executablePath = findChromium();
  if (executablePath === undefined) return undefined;
  const { chromium } = await import("playwright");
  // Chromium's own sandbox refuses root, and would only confine the platform's own pages.
  return chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-dev-shm-usage", ...extraArgs] });
}
