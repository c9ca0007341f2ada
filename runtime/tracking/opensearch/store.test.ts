import { testOpenSearch } from "../../local/testing.ts";
import { trackingSuite } from "../suite.ts";
import { openSearchStore } from "../testing/openSearch.ts";

let endpoint: string;
trackingSuite(
  "OpenSearch",
  async () => openSearchStore(endpoint),
  async (context) => {
    endpoint = await testOpenSearch(context);
  },
);
