import { signal } from "@preact/signals";
import { ask } from "./http.js";
import { usePolled } from "./polling.js";
import { figuresPath } from "./preload.js";
import { caller } from "./session.js";

const EVERY_MS = 2_000;

/** Dead letters when figures were last asked for; for admins. */
export const deadLetters = signal(0);

/** Asks once who is signed in; figures tell it too. */
export async function learnCaller() {
  if (caller.peek()) return;
  caller.value = await ask("session");
}

/** The platform's figures, again and again. @param {import("./route.js").Range} range */
export function useFigures(range) {
  const path = figuresPath(range);
  return usePolled(
    path,
    async (signal) => {
      /** @type {import("./types.ts").Figures} */
      const figures = await ask(path, { signal });
      deadLetters.value = figures.queues?.deadLetters ?? 0;
      return figures;
    },
    EVERY_MS,
  );
}
