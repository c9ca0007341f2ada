import { computed, signal } from "@preact/signals";
import { SIGNED_IN_KEY } from "./preload.js";

/** State of the session. The session itself is a cookie that scripts cannot read; the API returns its user and scopes. */

/**
 * True if a user is signed in: initially, what the browser's storage says. The session may have ended meanwhile. After a
 * sign-out that failed it is false, although the session is open and the storage still has its key.
 */
export const isSignedIn = signal(localStorage.getItem(SIGNED_IN_KEY) !== null);
/**
 * Number of sign-ins, and of sign-outs in other tabs, so that a late response to an earlier session does not end the
 * current session.
 */
export const signInCount = signal(0);
/** Message of the sign-in page: why the last sign-in or sign-out failed, or why the session ended. */
export const signInProblem = signal("");
/** @type {import("@preact/signals").Signal<import("./types.ts").Session | undefined>} */
export const caller = signal(undefined);

/** Returns true if the caller has a scope. @param {import("../../../store/tokens.ts").Scope} scope */
export const hasScope = (scope) => caller.value?.scopes.some((held) => held === scope || held === "admin") ?? false;
/** Returns true if the caller may submit a task of a type. @param {"read" | "update" | undefined} type */
export const canSubmit = (type) => hasScope("submit") && (type === "read" || hasScope("update"));
export const isAdmin = computed(() => hasScope("admin"));

/** Scopes of the pages Query and Load, which also read jobs and the catalog. @type {Record<"query" | "load", import("../../../store/tokens.ts").Scope[]>} */
export const PAGE_SCOPES = { query: ["read", "submit"], load: ["read", "submit", "update"] };

/** Returns the first scope that the caller lacks; undefined if none is lacking, or the caller is not loaded yet. @param {import("../../../store/tokens.ts").Scope[]} scopes */
export const missingScope = (scopes) => (caller.value ? scopes.find((scope) => !hasScope(scope)) : undefined);

// Signing in or out in one tab applies to all tabs.
addEventListener("storage", ({ key, newValue }) => {
  if (key !== SIGNED_IN_KEY && key !== null) return;
  caller.value = undefined;
  signInCount.value += 1;
  isSignedIn.value = newValue !== null;
});

/**
 * Exchanges a token, or the code of a sign-in link, for a session.
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
  const body = await response.json().catch(() => ({}));
  if (!response.ok) return body.problems?.[0]?.message ?? body.detail ?? `The API returned ${response.status}.`;
  // After a failed sign-out the key still exists, and other tabs get no event if it is set to the same value.
  localStorage.removeItem(SIGNED_IN_KEY);
  startSession(body);
  return "";
}

/** Shows the pages to a user who has signed in. @param {import("./types.ts").Session} session */
export function startSession(session) {
  localStorage.setItem(SIGNED_IN_KEY, "1");
  signInProblem.value = "";
  caller.value = session;
  signInCount.value += 1;
  isSignedIn.value = true;
}

/** Shows the sign-in page. @param {string} [problem] */
export function showSignIn(problem = "") {
  localStorage.removeItem(SIGNED_IN_KEY);
  caller.value = undefined;
  signInProblem.value = problem;
  isSignedIn.value = false;
}

/** Ends the session. If the API does not confirm this, the page says that the session is still open. */
export async function signOut() {
  const response = await fetch("session", { method: "DELETE" }).catch(() => undefined);
  if (response?.ok || response?.status === 401) return showSignIn();
  signInProblem.value = "Signing out failed: the session is still open. Reload the page, then sign out again.";
  // The browser's storage still has SIGNED_IN_KEY, so that the reloaded page offers to sign out.
  isSignedIn.value = false;
}
