import assert from "node:assert/strict";
import { requirePython } from "../../../runtime/testing/python/python.ts";
import { requireEngine } from "../command.ts";
import { checkovFindings } from "./checkov.ts";
import { checkConstraints, type Verdict } from "./constraints.ts";
import { CONSTRAINT_MUTANTS } from "./mutants.ts";
import { orderProblems, staleRules } from "./order.ts";
import { allowedServices, isNamed, unreachable } from "./reachability.ts";
import { PARTS, type Part, type PartReach, REDUNDANT, SERVICE_ENDPOINTS } from "./reachabilityTable.ts";
import { compareSuppressions } from "./suppressions.ts";
import { clientNetworks, registered, type StoredResource, VARIANTS } from "./variants.ts";

/** Enough for an `up` of every variant on a busy machine. */
const MINUTES = 15 * 60_000;

describe("the resources of all stacks and variants, in the real engine", function () {
  this.timeout(MINUTES);
  const variants: Record<string, readonly StoredResource[]> = {};
  let checked: Verdict | undefined;
  /** Findings of the published constraints about all variants, computed on first use. */
  const verdictBy = (python: string): Verdict => {
    checked ??= checkConstraints(python, variants);
    return checked;
  };
  before(async function () {
    requireEngine(this);
    for (const variant of VARIANTS) variants[variant.name] = await registered(variant);
  });

  describe("checked by AWS's published constraints", () => {
    let python: string;
    let verdict: Verdict;
    before(function () {
      python = requirePython(this, "models");
      verdict = verdictBy(python);
    });

    it("violate no constraint, except for suppressed findings", () => {
      assert.deepEqual(compareSuppressions(["botocore", "cfn-lint", "mapping"], verdict.findings), {
        unsuppressed: [],
        stale: [],
      });
    });

    it("have no property that the mapping neither maps nor excludes with a reason", () => {
      assert.deepEqual(verdict.unmapped, []);
      const { resources, calls, properties } = verdict.checked;
      console.log(`      ${properties} properties of ${resources} resources and ${calls} calls checked`);
    });

    it("fail with a wrong value of each class of constraint", () => {
      const mutants = Object.fromEntries(
        CONSTRAINT_MUTANTS.map(({ what, type, mutate }) => {
          const found = variants.dev?.find((one) => one.type === type);
          assert.ok(found, `dev has no ${type}`);
          const mutant = structuredClone(found);
          mutate(mutant.inputs as Record<string, never>);
          return [what, [mutant]];
        }),
      );
      const { findings } = checkConstraints(python, mutants);
      for (const { what, expected } of CONSTRAINT_MUTANTS) {
        const own = findings.filter(({ variants }) => variants.includes(what));
        const rules = own.map(({ analyzer, rule }) => `${analyzer} ${rule}`);
        for (const each of expected) assert.ok(rules.includes(each), `${what}: ${each} is not in ${rules.join(", ")}`);
      }
    });

    it("fail with a new property or type", () => {
      const [queue] = variants.dev?.filter(({ type }) => type === "aws:sqs/queue:Queue") ?? [];
      assert.ok(queue);
      const changed = { ...queue, inputs: { ...queue.inputs, kmsMasterKeyAge: 1 } };
      const { unmapped } = checkConstraints(python, {
        changed: [changed, { ...queue, type: "aws:dax/cluster:Cluster" }],
      });
      assert.deepEqual(unmapped, [
        { type: "aws:dax/cluster:Cluster", property: "", model: "" },
        { type: "aws:sqs/queue:Queue", property: "kmsMasterKeyAge", model: "AWS::SQS::Queue" },
        { type: "aws:sqs/queue:Queue", property: "kmsMasterKeyAge", model: "sqs.CreateQueue" },
      ]);
    });
  });

  describe("checked by checkov", () => {
    let findings: ReturnType<typeof checkovFindings>["findings"];
    before(function () {
      const checkov = requirePython(this, "checkov");
      const { templates } = verdictBy(requirePython(this, "models"));
      assert.ok(templates.dev);
      const open = structuredClone(templates.dev);
      for (const { Type, Properties } of Object.values(open.Resources))
        if (Type === "AWS::S3::Bucket") delete Properties.PublicAccessBlockConfiguration;
      ({ findings } = checkovFindings(checkov, { ...templates, open }));
    });

    it("have no finding without a suppression, and no suppression without a finding", () => {
      const own = findings.filter(({ variants }) => !variants.includes("open"));
      assert.deepEqual(compareSuppressions(["checkov"], own), { unsuppressed: [], stale: [] });
    });

    it("have a finding when a bucket is open to the public", () => {
      const { unsuppressed } = compareSuppressions(["checkov"], findings);
      assert.match(unsuppressed.join("\n"), /CKV_AWS_53.*buckets-results/);
    });
  });

  describe("and what each part can reach", () => {
    /** Types of the resources that let connections through: rules, routes, endpoints, gateways. */
    const ROUTE_TYPES =
      /^aws:(ec2\/(vpcEndpoint|route|routeTableAssociation|natGateway|internetGateway|eip):|vpc\/securityGroup.*Rule:)/;
    /** Services of the search domain and of the collector's secret, which not every stack has. */
    const OPTIONAL: readonly string[] = ["es", "secretsmanager"];
    const reach: Readonly<Record<Part, PartReach>> = PARTS;

    it("is in the table for each service that a part's roles allow, or left out with a reason", () => {
      for (const [name, resources] of Object.entries(variants))
        for (const [part, { calls, others }] of Object.entries(reach)) {
          const allowed = allowedServices(resources, part as Part);
          const missing = [...allowed].filter((service) => !calls.includes(service) && !(service in others));
          assert.deepEqual(missing, [], `${part} in ${name}`);
          const stale = [...calls, ...Object.keys(others)].filter((service) => !allowed.has(service));
          assert.deepEqual(
            stale.filter((service) => !OPTIONAL.includes(service)),
            [],
            `${part} in ${name}`,
          );
          assert.deepEqual(
            calls.filter((service) => !(service in SERVICE_ENDPOINTS)),
            [],
          );
        }
    });

    for (const variant of VARIANTS)
      it(`is reachable in ${variant.name}, and would not be without any one rule, route, endpoint or gateway`, () => {
        const resources = variants[variant.name] ?? [];
        const clients = clientNetworks(variant);
        assert.deepEqual(unreachable(resources, clients), []);
        const routeResources = resources.filter(({ type }) => ROUTE_TYPES.test(type));
        assert.ok(routeResources.length > 20);
        const undetected = routeResources.filter(
          (resource) =>
            unreachable(
              resources.filter((one) => one !== resource),
              clients,
            ).length === 0,
        );
        const expected = routeResources.filter(({ name }) =>
          REDUNDANT.some((spare) => (spare.variants?.includes(variant.name) ?? true) && isNamed(name, spare.name)),
        );
        // One of two rules for a connection may be redundant, and the other needed.
        assert.deepEqual(
          undetected.filter((resource) => !expected.includes(resource)).map(({ name }) => name),
          [],
        );
        for (const resource of expected)
          assert.ok(
            undetected.some(({ name }) => name === resource.name),
            `${resource.name} is not redundant: remove it from REDUNDANT`,
          );
      });

    it("has no row for a redundant resource that does not exist", () => {
      const names = Object.values(variants).flatMap((resources) => resources.map(({ name }) => name));
      assert.deepEqual(
        REDUNDANT.filter((spare) => !names.some((name) => isNamed(name, spare.name))),
        [],
      );
    });
  });

  describe("and their order", () => {
    for (const variant of VARIANTS)
      it(`gives every part of ${variant.name} routes, rights and database while it runs, in any possible order`, () => {
        assert.deepEqual(orderProblems(variants[variant.name] ?? []), []);
        assert.deepEqual(staleRules(variants[variant.name] ?? []), []);
      });

    /**
     * Returns a variant's resources, of which those of this type and name do not depend on the `needed` types directly.
     */
    const without = (variant: string, type: RegExp, name: string, needed: RegExp): StoredResource[] => {
      const resources = variants[variant] ?? [];
      const urns = new Set(resources.filter((one) => needed.test(one.type)).map(({ urn }) => urn));
      return resources.map((one) => {
        if (!type.test(one.type) || !isNamed(one.name, name)) return one;
        const needs = one.needs.filter((urn) => !urns.has(urn));
        assert.ok(needs.length < one.needs.length, `${one.name} needs ${needed}`);
        return { ...one, needs };
      });
    };
    const FUNCTION = /^aws:lambda\/function:/;
    const SERVICE = /^aws:ecs\/service:/;
    const GROUP = /^aws:ec2\/securityGroup:/;
    // Everything that logs in to the database depends on the migrations, and through them on the network.
    const FUNCTIONS = "dispatcher|migrations";
    const ROUTES = /^aws:ec2\/(route|routeTable|routeTableAssociation|natGateway|internetGateway|eip):/;
    const RULES = /^aws:vpc\/securityGroup/;
    const ENDPOINTS = /^aws:ec2\/vpcEndpoint:/;
    const POLICIES = /^aws:iam\/rolePolicy:/;
    for (const [what, variant, type, name, needed, problem] of [
      ["functions need no routes", "dev", FUNCTION, FUNCTIONS, ROUTES, /drain .*no route to the internet/],
      [
        "functions need no rules",
        "dev",
        FUNCTION,
        FUNCTIONS,
        RULES,
        /drain .*no rule lets dispatcher out to the database/,
      ],
      ["the migrations need no routes", "dev", FUNCTION, "migrations", ROUTES, /migrations.* no route to the internet/],
      [
        "functions need no endpoints",
        "isolated",
        FUNCTION,
        FUNCTIONS,
        ENDPOINTS,
        /wakeups.* no route .*sqs has no endpoint/,
      ],
      ["tasks need no rules", "dev", SERVICE, "api", RULES, /no rule lets the load balancer out to API tasks/],
      ["a group needs no policy", "dev", GROUP, "migrations", POLICIES, /deletes its network interfaces by this role/],
      ["nothing needs a gateway", "isolated", FUNCTION, FUNCTIONS, ROUTES, /a public balancer is refused/],
    ] as const)
      it(`is not guaranteed when ${what}`, () =>
        assert.match(orderProblems(without(variant, type, name, needed)).join("\n"), problem));
  });
});
