import { testOpenSearch } from "../../testing/cluster.ts";
import { openSearchStore } from "../../testing/tracking/openSearch.ts";
import { trackingSuite } from "../../testing/tracking/suite.ts";

let endpoint: string;
trackingSuite(
  "OpenSearch",
  async () => openSearchStore(endpoint),
  async (context) => {
    endpoint = await testOpenSearch(context);
  },
);
