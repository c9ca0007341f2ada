import { html } from "htm/preact";
import { Empty, Panel } from "./components.js";

/** Page for an unknown address, for example after a link was truncated. */
export const NotFound = () => html`
  <div class="page-head"><h1 tabindex="-1">Not found</h1></div>
  <${Panel} title="Not found" class="untitled">
    <${Empty}>The dashboard has no page at this address. <a href="#/">Overview</a><//>
  <//>
`;
