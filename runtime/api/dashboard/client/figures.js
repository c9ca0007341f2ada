import { signal } from "@preact/signals";
import { requestJson } from "./http.js";
import { usePolled } from "./polling.js";
import { figuresPath } from "./preload.js";
import { caller } from "./session.js";

const POLL_MS = 2_000;

/** Interval at which pages that show no figures count dead letters. */
const DEAD_LETTERS_MS = 60_000;

/** Number of dead letters in the latest figures; 0 unless the caller is an admin. */
export const deadLetters = signal(0);

/** Loads the caller, unless it is loaded already. */
export async function loadCaller() {
  if (caller.peek()) return;
  caller.value = await requestJson("session");
}

/** Keeps the number of dead letters current on pages that show no figures. @param {boolean} isOn false on other pages */
export function useDeadLetterCount(isOn) {
  usePolled(
    String(isOn),
    async (signal) => {
      if (isOn) countDeadLetters(await requestJson(figuresPath(SHORTEST_RANGE), { signal }));
    },
    () => (isOn ? DEAD_LETTERS_MS : undefined),
  );
}

/** Range of the figures that are requested only for their number of dead letters. */
const SHORTEST_RANGE = { over: "15m", from: "", to: "" };

/** @param {import("./types.ts").Figures} figures */
const countDeadLetters = ({ queues }) => {
  deadLetters.value = queues?.deadLetters ?? 0;
};

/** Polls the figures of a range. @param {import("./route.js").Range} range */
export function useFigures(range) {
  const path = figuresPath(range);
  return usePolled(
    path,
    async (signal) => {
      /** @type {import("./types.ts").Figures} */
      const figures = await requestJson(path, { signal });
      countDeadLetters(figures);
      return figures;
    },
    POLL_MS,
  );
}
