import { signal } from "@preact/signals";
import { ask } from "./http.js";
import { usePolled } from "./polling.js";
import { figuresPath } from "./preload.js";
import { caller } from "./session.js";

const EVERY_MS = 2_000;

/** Interval at which pages without figures count dead letters. */
const DEAD_LETTERS_MS = 60_000;

/** Number of dead letters in the latest figures; admins only. */
export const deadLetters = signal(0);

/** Loads the caller once. */
export async function learnCaller() {
  if (caller.peek()) return;
  caller.value = await ask("session");
}

/** Keeps the number of dead letters current on pages without figures. @param {boolean} isOn */
export function useDeadLetterCount(isOn) {
  usePolled(
    String(isOn),
    async (signal) => {
      if (isOn) countDeadLetters(await ask(figuresPath(SHORTEST), { signal }));
    },
    () => (isOn ? DEAD_LETTERS_MS : undefined),
  );
}

/** The shortest range, for figures of which only the number of dead letters is used. */
const SHORTEST = { over: "15m", from: "", to: "" };

/** @param {import("./types.ts").Figures} figures */
const countDeadLetters = ({ queues }) => {
  deadLetters.value = queues?.deadLetters ?? 0;
};

/** Polls the platform's figures. @param {import("./route.js").Range} range */
export function useFigures(range) {
  const path = figuresPath(range);
  return usePolled(
    path,
    async (signal) => {
      /** @type {import("./types.ts").Figures} */
      const figures = await ask(path, { signal });
      countDeadLetters(figures);
      return figures;
    },
    EVERY_MS,
  );
}
