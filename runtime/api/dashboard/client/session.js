import { computed, signal } from "@preact/signals";
import { TOKEN_KEY } from "./first.js";

/** Who looks: a token that lives as long as this tab does, and what the API says it may. */

export const token = signal(sessionStorage.getItem(TOKEN_KEY) ?? "");
/** Why the token is asked for again. */
export const refusal = signal("");
/** @type {import("@preact/signals").Signal<import("./types.ts").Figures["caller"] | undefined>} */
export const caller = signal(undefined);

/** @param {import("../../../store/tokens.ts").Scope} scope */
export const may = (scope) => caller.value?.scopes.some((one) => one === scope || one === "admin") ?? false;
export const isAdmin = computed(() => may("admin"));

/** @param {string} given */
export function signIn(given) {
  sessionStorage.setItem(TOKEN_KEY, given);
  refusal.value = "";
  token.value = given;
}

/** @param {string} [why] */
export function signOut(why = "") {
  sessionStorage.removeItem(TOKEN_KEY);
  caller.value = undefined;
  refusal.value = why;
  token.value = "";
}
