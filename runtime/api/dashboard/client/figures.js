import { signal } from "@preact/signals";
import { figuresPath } from "./first.js";
import { ask } from "./http.js";
import { usePolled } from "./polling.js";
import { caller } from "./session.js";

const EVERY_MS = 2_000;

/** How far back plots and figures look. @type {import("@preact/signals").Signal<"hour" | "day">} */
export const span = signal("hour");

/** Dead letters when figures were last asked for; for admins. */
export const deadLetters = signal(0);

/** Asks once who is signed in; figures tell it too. */
export async function learnCaller() {
  if (caller.peek()) return;
  caller.value = await ask("session");
}

/** The platform's figures, again and again. */
export function useFigures() {
  const over = span.value;
  return usePolled(
    over,
    async (signal) => {
      /** @type {import("./types.ts").Figures} */
      const figures = await ask(figuresPath(over), { signal });
      deadLetters.value = figures.queues?.deadLetters ?? 0;
      return figures;
    },
    EVERY_MS,
  );
}
