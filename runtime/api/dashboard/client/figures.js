import { signal } from "@preact/signals";
import { ask } from "./http.js";
import { usePolled } from "./polling.js";
import { figuresPath } from "./preload.js";
import { caller } from "./session.js";

const EVERY_MS = 2_000;

/** Number of dead letters in the latest figures; admins only. */
export const deadLetters = signal(0);

/** Loads the session once, unless figures, which include it, arrive first. */
export async function learnCaller() {
  if (caller.peek()) return;
  caller.value = await ask("session");
}

/** Polls the platform's figures. @param {import("./route.js").Range} range */
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
