import assert from "node:assert/strict";
import { requirePython } from "../../../runtime/testing/python/python.ts";
import { requireEngine } from "../command.ts";
import { checkovFindings } from "./checkov.ts";
import { type ConstraintResult, checkConstraints } from "./constraints.ts";
import { CONSTRAINT_MUTANTS } from "./mutants.ts";
import { obsoleteExceptions, orderProblems } from "./order.ts";
import { allowedServices, isNamed, unreachable } from "./reachability.ts";
import { COMPONENTS, type Component, type ComponentReach, REDUNDANT, SERVICE_ENDPOINTS } from "./reachabilityTable.ts";
import { compareSuppressions, type Finding } from "./suppressions.ts";
import { clientNetworks, registeredResources, type StoredResource, VARIANTS } from "./variants.ts";

/** Long enough for an `up` of every variant on a busy machine. */
const TIMEOUT_MS = 15 * 60_000;

describe("the resources of all stacks and variants, in the real engine", function () {
  this.timeout(TIMEOUT_MS);
  const variants: Record<string, readonly StoredResource[]> = {};
  let cached: ConstraintResult | undefined;
  /** Returns the result of checking all variants against the published constraints, computed on first use. */
  const constraintResultOf = (python: string): ConstraintResult => {
    cached ??= checkConstraints(python, variants);
    return cached;
  };
  before(async function () {
    requireEngine(this);
    for (const variant of VARIANTS) variants[variant.name] = await registeredResources(variant);
  });

  describe("checked by AWS's published constraints", () => {
    let python: string;
    let result: ConstraintResult;
    before(function () {
      python = requirePython(this, "models");
      result = constraintResultOf(python);
    });

    it("violate no constraint, except for suppressed findings", () => {
      assert.deepEqual(compareSuppressions(["botocore", "cfn-lint", "mapping"], result.findings), {
        unsuppressed: [],
        stale: [],
      });
    });

    it("have only properties that the mapping maps, or excludes with a reason", () => {
      assert.deepEqual(result.unmapped, []);
      const { resources, calls, properties } = result.checked;
      console.log(`      ${properties} properties of ${resources} resources and ${calls} calls checked`);
    });

    it("are reported when they violate a constraint of any class", () => {
      const mutants = Object.fromEntries(
        CONSTRAINT_MUTANTS.map(({ title, type, mutate }) => {
          const original = variants.dev?.find((resource) => resource.type === type);
          assert.ok(original, `dev has no ${type}`);
          const mutant = structuredClone(original);
          mutate(mutant.inputs as Record<string, never>);
          return [title, [mutant]];
        }),
      );
      const { findings } = checkConstraints(python, mutants);
      for (const { title, expected } of CONSTRAINT_MUTANTS) {
        const ofMutant = findings.filter(({ variants }) => variants.includes(title));
        const rules = ofMutant.map(({ analyzer, rule }) => `${analyzer} ${rule}`);
        for (const rule of expected) assert.ok(rules.includes(rule), `${title}: ${rule} is not in ${rules.join(", ")}`);
      }
    });

    it("are reported when they have a new property or type", () => {
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
    let findings: Finding[];
    before(function () {
      const checkov = requirePython(this, "checkov");
      const { templates } = constraintResultOf(requirePython(this, "models"));
      assert.ok(templates.dev);
      const publicBuckets = structuredClone(templates.dev);
      for (const { Type, Properties } of Object.values(publicBuckets.Resources))
        if (Type === "AWS::S3::Bucket") delete Properties.PublicAccessBlockConfiguration;
      findings = checkovFindings(checkov, { ...templates, publicBuckets });
    });

    it("have a suppression for every finding, and a finding for every suppression", () => {
      const ofVariants = findings.filter(({ variants }) => !variants.includes("publicBuckets"));
      assert.deepEqual(compareSuppressions(["checkov"], ofVariants), { unsuppressed: [], stale: [] });
    });

    it("have a finding when a bucket is open to the public", () => {
      const { unsuppressed } = compareSuppressions(["checkov"], findings);
      assert.match(unsuppressed.join("\n"), /CKV_AWS_53.*buckets-results/);
    });
  });

  describe("reachability in the network", () => {
    /** Types of the resources that let connections through: rules, routes, endpoints, gateways. */
    const ROUTE_TYPES =
      /^aws:(ec2\/(vpcEndpoint|route|routeTableAssociation|natGateway|internetGateway|eip):|vpc\/securityGroup.*Rule:)/;
    /** Services of the search domain and of the collector's secret, which not every stack has. */
    const OPTIONAL: readonly string[] = ["es", "secretsmanager"];
    const reach: Readonly<Record<Component, ComponentReach>> = COMPONENTS;

    it("has a table with each service that a component's roles allow: as called, or with a reason for no connection", () => {
      for (const [name, resources] of Object.entries(variants))
        for (const [component, { calls, others }] of Object.entries(reach)) {
          const allowed = allowedServices(resources, component as Component);
          const missing = [...allowed].filter((service) => !calls.includes(service) && !(service in others));
          assert.deepEqual(missing, [], `${component} in ${name}`);
          const stale = [...calls, ...Object.keys(others)].filter((service) => !allowed.has(service));
          assert.deepEqual(
            stale.filter((service) => !OPTIONAL.includes(service)),
            [],
            `${component} in ${name}`,
          );
          assert.deepEqual(
            calls.filter((service) => !(service in SERVICE_ENDPOINTS)),
            [],
          );
        }
    });

    for (const variant of VARIANTS)
      it(`is complete in ${variant.name}, and needs every rule, route, endpoint and gateway that is not in REDUNDANT`, () => {
        const resources = variants[variant.name] ?? [];
        const clients = clientNetworks(variant);
        assert.deepEqual(unreachable(resources, clients), []);
        const routeResources = resources.filter(({ type }) => ROUTE_TYPES.test(type));
        assert.ok(routeResources.length > 20);
        const undetected = routeResources.filter(
          (resource) =>
            unreachable(
              resources.filter((other) => other !== resource),
              clients,
            ).length === 0,
        );
        const expected = routeResources.filter(({ name }) =>
          REDUNDANT.some(
            (redundant) => (redundant.variants?.includes(variant.name) ?? true) && isNamed(name, redundant.name),
          ),
        );
        // Rules for both ends of a connection have the same name, and possibly only one of them is redundant.
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

    it("has only existing resources in REDUNDANT", () => {
      const names = Object.values(variants).flatMap((resources) => resources.map(({ name }) => name));
      assert.deepEqual(
        REDUNDANT.filter((redundant) => !names.some((name) => isNamed(name, redundant.name))),
        [],
      );
    });
  });

  describe("the order of creation and deletion", () => {
    for (const variant of VARIANTS)
      it(`gives every running component of ${variant.name} routes, permissions and a database, in any order that the graph allows`, () => {
        assert.deepEqual(orderProblems(variants[variant.name] ?? []), []);
        assert.deepEqual(obsoleteExceptions(variants[variant.name] ?? []), []);
      });

    /** Returns a variant's resources without the direct dependencies of the named resources on the `needed` types. */
    const withoutDependency = (variant: string, type: RegExp, name: string, needed: RegExp): StoredResource[] => {
      const resources = variants[variant] ?? [];
      const urns = new Set(resources.filter((resource) => needed.test(resource.type)).map(({ urn }) => urn));
      return resources.map((resource) => {
        if (!type.test(resource.type) || !isNamed(resource.name, name)) return resource;
        const needs = resource.needs.filter((urn) => !urns.has(urn));
        assert.ok(needs.length < resource.needs.length, `${resource.name} needs ${needed}`);
        return { ...resource, needs };
      });
    };
    const FUNCTION = /^aws:lambda\/function:/;
    const SERVICE = /^aws:ecs\/service:/;
    const GROUP = /^aws:ec2\/securityGroup:/;
    // All components that log in to the database depend on the migrations, and through them on the network.
    const FUNCTIONS = "dispatcher|migrations";
    const ROUTES = /^aws:ec2\/(route|routeTable|routeTableAssociation|natGateway|internetGateway|eip):/;
    const RULES = /^aws:vpc\/securityGroup/;
    const ENDPOINTS = /^aws:ec2\/vpcEndpoint:/;
    const POLICIES = /^aws:iam\/rolePolicy:/;
    for (const [title, variant, type, name, needed, problem] of [
      ["functions do not depend on routes", "dev", FUNCTION, FUNCTIONS, ROUTES, /drain .*no route to the internet/],
      [
        "functions do not depend on rules",
        "dev",
        FUNCTION,
        FUNCTIONS,
        RULES,
        /drain .*no rule lets dispatcher out to the database/,
      ],
      [
        "the migrations do not depend on routes",
        "dev",
        FUNCTION,
        "migrations",
        ROUTES,
        /migrations.* no route to the internet/,
      ],
      [
        "functions do not depend on endpoints",
        "isolated",
        FUNCTION,
        FUNCTIONS,
        ENDPOINTS,
        /wakeups.* no route .*sqs has no endpoint/,
      ],
      ["tasks do not depend on rules", "dev", SERVICE, "api", RULES, /no rule lets the load balancer out to API tasks/],
      [
        "a security group does not depend on a policy",
        "dev",
        GROUP,
        "migrations",
        POLICIES,
        /deletes its network interfaces with this role/,
      ],
      [
        "functions do not depend on gateways",
        "isolated",
        FUNCTION,
        FUNCTIONS,
        ROUTES,
        /ELB refuses a public load balancer/,
      ],
    ] as const)
      it(`is reported as a problem if ${title}`, () =>
        assert.match(orderProblems(withoutDependency(variant, type, name, needed)).join("\n"), problem));
  });
});
