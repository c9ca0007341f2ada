import { html } from "htm/preact";
import { useState } from "preact/hooks";
import { ago, count, dateTime, dateTimeToMinute } from "../format.js";
import { errorMessage, requestJson, send } from "../http.js";
import { usePolled } from "../polling.js";
import { caller, missingScope } from "../session.js";
import { Empty, Failure, MissingScope, Panel, StackedTable } from "../ui/components.js";
import { confirmed } from "../ui/confirm.js";
import { Live, LostContact } from "../ui/contact.js";
import { CreateToken } from "./createToken.js";
import { isEnded, matches } from "./tokenList.js";

/** @typedef {import("../../../../store/tokens.ts").TokenInfo} TokenInfo */
/** @typedef {{ tokens: TokenInfo[] }} TokenPage */

const POLL_MS = 10_000;
/** Number of rows that are shown first, and that "Show more" adds. */
const ROWS_PER_PAGE = 50;
/** Maximum number of tokens and sessions that the API lists. */
const MAX_LISTED = 1_000;

/** Tokens and open sessions: create, list and revoke. */
export function TokensPage() {
  const missing = missingScope(["admin"]);
  return html`
    <div class="page-head"><h1 tabindex="-1">Tokens</h1></div>
    ${missing ? html`<${MissingScope} scope=${missing} />` : html`<${Tokens} />`}
  `;
}

function Tokens() {
  const polled = usePolled(
    "tokens",
    (signal) => /** @type {Promise<TokenPage>} */ (requestJson("tokens", { signal })),
    POLL_MS,
  );
  const [message, setMessage] = useState("");
  const [problem, setProblem] = useState("");
  const { data, error, contactAt, refresh } = polled;

  /** @param {TokenInfo} token */
  const revoke = async (token) => {
    setMessage("");
    setProblem("");
    if (!(await confirmed(confirmationOf(token)))) return;
    try {
      await send(`tokens/${encodeURIComponent(token.id)}`, { method: "DELETE" });
      setMessage(`${token.id} is revoked.`);
    } catch (thrown) {
      setProblem(errorMessage(thrown));
    }
    refresh();
  };
  return html`
    ${error && html`<${LostContact} error=${error} contactAt=${contactAt} />`}
    <${CreateToken} onCreated=${refresh} />
    <${Panel} title="Tokens and open sessions">
      <p role="status" class=${message ? "" : "hidden"}>${message}</p>
      ${problem && html`<${Failure}>${problem}<//>`}
      ${data ? html`<${Live} polled=${polled}><${List} tokens=${data.tokens} revoke=${revoke} /><//>` : html`<${Empty}>${error ? "No data" : "…"}<//>`}
    <//>
  `;
}

/** @param {{ tokens: TokenInfo[], revoke: (token: TokenInfo) => void }} props */
function List({ tokens, revoke }) {
  const [text, setText] = useState("");
  const [showsEnded, setShowsEnded] = useState(false);
  const [limit, setLimit] = useState(ROWS_PER_PAGE);
  const now = Date.now();
  const ended = tokens.filter((token) => isEnded(token, now)).length;
  const shown = tokens.filter((token) => (showsEnded || !isEnded(token, now)) && matches(token, text));
  return html`
    <search class="filters">
      <label class="grow">
        <span class="hidden">Search tokens</span>
        <input
          type="search"
          maxlength="200"
          placeholder="Name, tenant, scope or id"
          value=${text}
          onInput=${(/** @type {InputEvent} */ { currentTarget }) => setText(/** @type {HTMLInputElement} */ (currentTarget).value)}
        />
      </label>
      ${ended > 0 && html`<label class="tick"><input type="checkbox" checked=${showsEnded} onChange=${() => setShowsEnded(!showsEnded)} /> Show ${count(ended)} revoked or expired</label>`}
    </search>
    ${
      shown.length === 0
        ? html`<${Empty}>${text ? "No tokens match." : "No tokens yet. Create one for each service and colleague."}<//>`
        : html`
            <${StackedTable} label="Tokens and sessions" head=${["Name", "Tenant", "Scopes", "Created", "Last use", "Expires", "Action"]}>
              ${shown.slice(0, limit).map((token) => html`<${Row} key=${token.id} token=${token} isEnded=${isEnded(token, now)} revoke=${revoke} />`)}
            <//>
          `
    }
    ${shown.length > limit && html`<button type="button" class="more" onClick=${() => setLimit(limit + ROWS_PER_PAGE)}>Show more</button>`}
    ${tokens.length >= MAX_LISTED && html`<p class="dim small">Only ${count(MAX_LISTED)} tokens and sessions are listed: active ones first, tokens before sessions, then the newest. There may be more.</p>`}
  `;
}

/** @param {{ token: TokenInfo, isEnded: boolean, revoke: (token: TokenInfo) => void }} props */
function Row({ token, isEnded, revoke }) {
  const { id, kind, name, tenant, scopes, createdAt, lastUsedOn, expiresAt, revokedAt } = token;
  const isOwn = id === caller.value?.id;
  return html`
    <tr role="row" class=${isEnded ? "dim" : ""}>
      <td role="cell" class="long" data-label="Name" title=${`Id ${id}`}>
        <span><bdi>${name}</bdi>${kind === "session" && html` <span class="dim small">${isOwn ? "this session" : "session"}</span>`}</span>
      </td>
      <td role="cell" class="long" data-label="Tenant">${tenant}</td>
      <td role="cell" data-label="Scopes">${scopes.join(", ")}</td>
      <td role="cell" data-label="Created" title=${dateTime(createdAt)}>${ago(createdAt)}</td>
      <td role="cell" data-label="Last use" title="Day of the last use (UTC)">${lastUsedOn ?? "never"}</td>
      <td role="cell" data-label="Expires">${expiresAt === null ? "never" : dateTimeToMinute(expiresAt)}</td>
      <td role="cell" data-label="Action">
        ${
          revokedAt !== null
            ? html`<span title=${dateTime(revokedAt)}>revoked ${ago(revokedAt)}</span>`
            : isEnded
              ? "expired"
              : isOwn
                ? html`<span class="dim">in use</span>`
                : html`<button type="button" class="danger" aria-label=${`${verbOf(kind)} ${name}`} onClick=${() => revoke(token)}>${verbOf(kind)}</button>`
        }
      </td>
    </tr>
  `;
}

/** @param {TokenInfo["kind"]} kind */
const verbOf = (kind) => (kind === "session" ? "End" : "Revoke");

/** @type {(token: TokenInfo) => import("../ui/confirm.js").Question} */
const confirmationOf = ({ id, kind, name, tenant, lastUsedOn }) => ({
  title: kind === "session" ? `End the session of ${name}?` : `Revoke the token ${name}?`,
  lines: [
    `${kind === "session" ? "Session" : "Token"} ${id} of tenant ${tenant}, ${lastUsedOn === null ? "never used" : `last used on ${lastUsedOn}`}.`,
    kind === "session"
      ? "The user must sign in again."
      : "It is refused at once, and sessions that were created with it end. This cannot be undone.",
  ],
  action: kind === "session" ? "End session" : "Revoke token",
  isDanger: true,
});
