import { durationText, printInfo } from "./screen.ts";
import { truncateToWidth } from "./table.ts";
import { visible } from "./visible.ts";

/** Progress line, redrawn in place on a terminal; elsewhere a line per `EVERY_MS`, or per change of stage. */
export class ProgressLine {
  static readonly #EVERY_MS = 2_000;
  readonly #terminal = process.stderr.isTTY === true;
  #last = 0;
  #stage = "";

  /**
   * Shows a text.
   * @param stage - Without a terminal, a text of a new stage is printed at once.
   */
  update(text: string, stage = ""): void {
    const now = Date.now();
    if (this.#terminal)
      process.stderr.write(`\r\x1b[2K${visible(truncateToWidth(text, (process.stderr.columns ?? 80) - 1))}`);
    else if (stage !== this.#stage || now - this.#last >= ProgressLine.#EVERY_MS) {
      printInfo(text);
      this.#last = now;
    }
    this.#stage = stage;
  }

  end(): void {
    if (this.#terminal) process.stderr.write("\r\x1b[2K");
  }
}

/** Formats a bar of `size` columns. */
export function blocks(share: number, size: number): string {
  const full = Math.round(Math.min(1, Math.max(0, share)) * size);
  return "█".repeat(full) + "░".repeat(size - full);
}

/** A bar of `share` (0..1), with the rate and the time left. A narrow terminal shortens the bar, not the numbers. */
export function bar(
  share: number,
  done: string,
  rate: string,
  secondsLeft: number | undefined,
  columns = Number.POSITIVE_INFINITY,
): string {
  const left =
    secondsLeft === undefined || !Number.isFinite(secondsLeft) || share >= 1
      ? ""
      : `  ${durationText(secondsLeft * 1000)} left`;
  const figures = `${String(Math.floor(Math.min(1, share) * 100)).padStart(3)} %  ${done}  ${rate}${left}`;
  const size = Math.min(MAX_BAR, columns - figures.length - 1);
  return size < MIN_BAR ? figures.trimStart() : `${blocks(share, size)} ${figures}`;
}

const MAX_BAR = 24;
const MIN_BAR = 4;
