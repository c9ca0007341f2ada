/** Paths of tests and test support, to which the rules of folders do not apply. */
const TEST = String.raw`\.test\.ts$|/testing/`;

/** Allows a folder to import only the given folders, besides itself. */
const only = (name, from, to, comment) => ({
  name,
  comment,
  severity: "error",
  from: { path: from, pathNot: TEST },
  to: { path: "^(stacks|infra|policy|runtime|db)/", pathNot: [from, ...to] },
});

/** The dependency rule of ARCHITECTURE.md: imports point downwards, and nothing imports in a circle. */
export default {
  forbidden: [
    { name: "no-cycles", severity: "error", from: {}, to: { circular: true } },
    {
      name: "no-test-support",
      comment: "Production code does not import tests or their support; simulation, attack and bench are tests.",
      severity: "error",
      from: { path: "^(stacks|infra|policy|runtime|db)/", pathNot: `${TEST}|^runtime/(simulation|attack|bench)/` },
      to: { path: TEST },
    },
    only("contract", "^runtime/contract/", [], "The contract depends on nothing of the platform."),
    only("platform", "^runtime/platform/", ["^runtime/contract/"]),
    only("store", "^runtime/store/", ["^runtime/(contract|platform)/"]),
    only("queries", "^runtime/queries/", ["^runtime/(contract|platform|store)/"]),
    only("requests", "^runtime/requests/", ["^runtime/(contract|platform|store|queries)/"]),
    only("monitoring", "^runtime/monitoring/", ["^runtime/(contract|platform|store)/"]),
    only("tracking", "^runtime/tracking/", ["^runtime/(contract|platform|store|monitoring)/"]),
    only("runner", "^runtime/runner/", ["^runtime/(contract|platform|store|queries|requests)/"]),
    only("dispatcher", "^runtime/dispatcher/", [
      "^runtime/(contract|platform|store|queries|requests|monitoring|tracking)/",
    ]),
    only("api", "^runtime/api/", ["^runtime/(contract|platform|store|queries|requests|monitoring|tracking)/"]),
    only("image", "^runtime/image/", ["^runtime/(contract|platform|store)/"]),
    only("db", "^db/", ["^runtime/(contract|platform|store)/"]),
    only("infra", "^infra/", ["^runtime/(contract|platform|monitoring|image)/"]),
    only("stacks", "^stacks/", [
      "^infra/",
      "^runtime/(contract|platform|monitoring|image)/",
      "^runtime/runner/(glue|load/targets)",
    ]),
    only("policy", "^policy/", ["^infra/limits/", "^stacks/", "^runtime/platform/root\\.ts$"]),
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    doNotFollow: { path: "node_modules" },
    exclude: { path: "node_modules|^runtime/api/dashboard/client/" },
    // Only the project's own files: tsc checks that all other imports resolve.
    includeOnly: "^(stacks|infra|policy|runtime|db)/",
  },
};
