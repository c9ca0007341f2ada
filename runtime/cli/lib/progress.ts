import { durationText, printInfo } from "./screen.ts";
import { truncateToWidth } from "./table.ts";
import { visible } from "./visible.ts";

/** Progress line, redrawn in place on a terminal; elsewhere printed at most every `INTERVAL_MS`, and at each new stage. */
export class ProgressLine {
  static readonly #INTERVAL_MS = 2_000;
  readonly #isTerminal = process.stderr.isTTY === true;
  #printedAt = 0;
  #stage = "";

  /**
   * Shows a text.
   * @param stage name of the current stage; without a terminal, the first text of a new stage is printed at once
   */
  update(text: string, stage = ""): void {
    const now = Date.now();
    if (this.#isTerminal)
      process.stderr.write(`\r\x1b[2K${visible(truncateToWidth(text, (process.stderr.columns ?? 80) - 1))}`);
    else if (stage !== this.#stage || now - this.#printedAt >= ProgressLine.#INTERVAL_MS) {
      printInfo(text);
      this.#printedAt = now;
    }
    this.#stage = stage;
  }

  end(): void {
    if (this.#isTerminal) process.stderr.write("\r\x1b[2K");
  }
}

/** Formats a bar of `size` columns. */
export function blocks(share: number, size: number): string {
  const full = Math.round(Math.min(1, Math.max(0, share)) * size);
  return "█".repeat(full) + "░".repeat(size - full);
}

/**
 * Formats a bar with the percentage, the amount done, the rate and the time left. A narrow terminal shortens the bar,
 * not the numbers.
 * @param share 0 to 1
 */
export function bar(
  share: number,
  done: string,
  rate: string,
  secondsLeft: number | undefined,
  columns = Number.POSITIVE_INFINITY,
): string {
  const timeLeft =
    secondsLeft === undefined || !Number.isFinite(secondsLeft) || share >= 1
      ? ""
      : `  ${durationText(secondsLeft * 1000)} left`;
  const numbers = `${String(Math.floor(Math.min(1, share) * 100)).padStart(3)} %  ${done}  ${rate}${timeLeft}`;
  const size = Math.min(MAX_BAR, columns - numbers.length - 1);
  return size < MIN_BAR ? numbers.trimStart() : `${blocks(share, size)} ${numbers}`;
}

const MAX_BAR = 24;
const MIN_BAR = 4;
