import { visible } from "./visible.ts";

/** Terminal to draw on, and its keyboard: process.stdout and process.stdin, or a test's replacements. */
export interface Terminal {
  out: Pick<NodeJS.WriteStream, "write" | "columns" | "rows" | "isTTY">;
  keys: Pick<NodeJS.ReadStream, "isTTY" | "setRawMode" | "resume" | "pause" | "unref" | "on" | "off">;
}

const ENTER = "\x1b[?1049h\x1b[?25l";
const LEAVE = "\x1b[?25h\x1b[?1049l";
/** Keys that quit: q, Ctrl-C (an ordinary key in raw mode) and Escape. */
const QUIT = new Set(["q", "Q", "\x03", "\x1b"]);

/**
 * Draws a view in place, and restores the terminal afterwards. Lines are overwritten, not cleared first, to avoid
 * flicker.
 */
export class LiveScreen {
  readonly #terminal: Terminal;
  readonly #quit: () => void;
  readonly #onKey = (data: Buffer | string) => {
    if (QUIT.has(String(data))) this.#quit();
  };
  #open = false;

  constructor(terminal: Terminal, quit: () => void) {
    this.#terminal = terminal;
    this.#quit = quit;
  }

  open(): void {
    const { out, keys } = this.#terminal;
    this.#open = true;
    out.write(ENTER);
    // Restore the terminal however the process ends.
    process.once("exit", this.#restore);
    if (!keys.isTTY) return;
    keys.setRawMode(true);
    keys.on("data", this.#onKey);
    keys.resume();
  }

  draw(lines: readonly string[]): void {
    const { out } = this.#terminal;
    const shown = lines.slice(0, out.rows ?? lines.length);
    out.write(`\x1b[H${shown.map((line) => `${visible(line)}\x1b[K`).join("\r\n")}\x1b[J`);
  }

  close(): void {
    process.off("exit", this.#restore);
    this.#restore();
  }

  readonly #restore = () => {
    if (!this.#open) return;
    this.#open = false;
    const { out, keys } = this.#terminal;
    if (keys.isTTY) {
      keys.off("data", this.#onKey);
      keys.setRawMode(false);
      keys.pause();
    }
    out.write(LEAVE);
  };
}
