import { html } from "htm/preact";
import { Empty, Panel } from "./parts.js";

/** Page of an address that names no page, for example after a link was shortened. */
export const NotFound = () => html`
  <div class="page-head"><h1 tabindex="-1">Not found</h1></div>
  <${Panel} title="Not found" class="untitled">
    <${Empty}>This address names no page of the dashboard. <a href="#/">Overview</a><//>
  <//>
`;
