import { signal } from "@preact/signals";
import { figuresPath } from "./first.js";
import { ask } from "./http.js";
import { usePolled } from "./polling.js";
import { caller } from "./session.js";

const EVERY_MS = 2_000;

/** How far back plots and figures look. @type {import("@preact/signals").Signal<"hour" | "day">} */
export const span = signal("hour");

/** What the token may: known from the figures, which a page that shows none asks for once. */
export async function learnCaller() {
  if (caller.peek()) return;
  /** @type {import("./types.ts").Figures} */
  const figures = await ask("stats/figures");
  caller.value = figures.caller;
}

/** The platform's figures, again and again; whoever shows them also learns what the token may. */
export function useFigures() {
  const over = span.value;
  return usePolled(
    over,
    async (signal) => {
      /** @type {import("./types.ts").Figures} */
      const figures = await ask(figuresPath(over), { signal });
      const known = caller.peek();
      if (JSON.stringify(known) !== JSON.stringify(figures.caller)) caller.value = figures.caller;
      return figures;
    },
    EVERY_MS,
  );
}
