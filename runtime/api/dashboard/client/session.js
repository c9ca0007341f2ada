import { computed, signal } from "@preact/signals";
import { SIGNED_IN_KEY } from "./preload.js";

/** The current session: a cookie that scripts cannot read. The API returns its user and scopes. */

/** True if a user is signed in according to the browser's storage; the API decides. */
export const isSignedIn = signal(localStorage.getItem(SIGNED_IN_KEY) !== null);
/** Number of sign-ins, so that a late response to an earlier session does not end the current one. */
export const visit = signal(0);
/** Reason for signing in again. */
export const refusal = signal("");
/** @type {import("@preact/signals").Signal<import("./types.ts").Session | undefined>} */
export const caller = signal(undefined);

/** @param {import("../../../store/tokens.ts").Scope} scope */
export const may = (scope) => caller.value?.scopes.some((one) => one === scope || one === "admin") ?? false;
export const isAdmin = computed(() => may("admin"));

/** Returns the first scope that the caller lacks; undefined while the caller is unknown. @param {import("../../../store/tokens.ts").Scope[]} scopes */
export const lackedScope = (scopes) => (caller.value ? scopes.find((one) => !may(one)) : undefined);

// Signing in or out in one tab applies to all tabs.
addEventListener("storage", ({ key, newValue }) => {
  if (key !== SIGNED_IN_KEY && key !== null) return;
  caller.value = undefined;
  visit.value += 1;
  isSignedIn.value = newValue !== null;
});

/**
 * Exchanges a token, or the code of a link, for a session.
 * @param {{ token: string } | { code: string }} secret
 * @returns {Promise<string>} the error message; empty after success
 */
export async function signIn(secret) {
  const response = await fetch("session", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(secret),
  }).catch(() => undefined);
  if (response === undefined) return "The API cannot be reached. Try again in a moment.";
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) return answer.problems?.[0]?.message ?? answer.detail ?? `The API answered ${response.status}.`;
  enter(answer);
  return "";
}

/** Stores that a user is signed in. @param {import("./types.ts").Session} session */
export function enter(session) {
  localStorage.setItem(SIGNED_IN_KEY, "1");
  refusal.value = "";
  caller.value = session;
  visit.value += 1;
  isSignedIn.value = true;
}

/** Shows the sign-in page. @param {string} [why] */
export function leave(why = "") {
  localStorage.removeItem(SIGNED_IN_KEY);
  caller.value = undefined;
  refusal.value = why;
  isSignedIn.value = false;
}

/** Ends the session. If the API does not answer, the page says that the session is still open. */
export async function signOut() {
  const response = await fetch("session", { method: "DELETE" }).catch(() => undefined);
  if (response?.ok || response?.status === 401) return leave();
  leave("Signing out failed: the session is still open. Reload the page, then sign out again.");
}
