import { durationText, say } from "./screen.ts";
import { cutTo } from "./table.ts";
import { visible } from "./visible.ts";

/** A line that is drawn over itself on a terminal; elsewhere lines, `EVERY_MS` apart unless there is something new. */
export class ProgressLine {
  static readonly #EVERY_MS = 2_000;
  readonly #terminal = process.stderr.isTTY === true;
  #last = 0;
  #stage = "";

  /** `stage`: a change of it is worth a line at once. */
  update(text: string, stage = ""): void {
    const now = Date.now();
    if (this.#terminal) process.stderr.write(`\r\x1b[2K${visible(cutTo(text, (process.stderr.columns ?? 80) - 1))}`);
    else if (stage !== this.#stage || now - this.#last >= ProgressLine.#EVERY_MS) {
      say(text);
      this.#last = now;
    }
    this.#stage = stage;
  }

  end(): void {
    if (this.#terminal) process.stderr.write("\r\x1b[2K");
  }
}

/** The bar alone, `size` columns wide. */
export function blocks(share: number, size: number): string {
  const full = Math.round(Math.min(1, Math.max(0, share)) * size);
  return "█".repeat(full) + "░".repeat(size - full);
}

/** A bar of `share` (0..1), with the rate and the time left. In a narrow terminal the bar gives way, not the figures. */
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
  const size = Math.min(WIDEST_BAR, columns - figures.length - 1);
  return size < NARROWEST_BAR ? figures.trimStart() : `${blocks(share, size)} ${figures}`;
}

const WIDEST_BAR = 24;
const NARROWEST_BAR = 4;
