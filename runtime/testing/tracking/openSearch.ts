import { randomBytes } from "node:crypto";
import { connectTo, type Send } from "../../tracking/opensearch/client.ts";
import { OpenSearchTracking } from "../../tracking/opensearch/store.ts";
import type { SuiteStore } from "./suite.ts";

/** Creates a test's own tracking store on the shared OpenSearch, with its own index prefix. */
export function openSearchStore(endpoint: string): SuiteStore & { send: Send; indexPrefix: string; endpoint: string } {
  const indexPrefix = `test-${randomBytes(8).toString("hex")}`;
  const send = connectTo({ endpoint });
  const timeoutMs = 30_000;
  return {
    endpoint,
    indexPrefix,
    send,
    store: new OpenSearchTracking({ endpoint, indexPrefix }),
    async settled() {
      await send({ method: "POST", path: `/${indexPrefix}-*/_refresh`, timeoutMs });
    },
    async close() {
      await send({ method: "DELETE", path: `/${indexPrefix}-*`, timeoutMs });
      await send({ method: "DELETE", path: `/_index_template/${indexPrefix}`, timeoutMs }, [404]);
    },
  };
}
