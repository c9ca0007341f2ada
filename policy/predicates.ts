import type { Resource } from "./resource.ts";
import { TASK_DEFINITION } from "./types.ts";
import { UNRESOLVED } from "./value.ts";

/**
 * Returns true for an Application Load Balancer. Network Load Balancers have their own quota, no header settings, and
 * access logs only for TLS listeners.
 */
export const isApplicationLoadBalancer = (balancer: Resource): boolean =>
  balancer.at("loadBalancerType").text("application") === "application";

/** Returns false if a service's tasks cannot run on Fargate, because the service or its task definition excludes it. */
export function isOnFargate(service: Resource): boolean {
  const type = service.at("launchType").text("");
  if (type === UNRESOLVED || type !== "") return type === UNRESOLVED || type === "FARGATE";
  const strategies = service.at("capacityProviderStrategies").items();
  if (strategies === UNRESOLVED) return true;
  if (strategies.length > 0)
    return strategies.some((strategy) => {
      const provider = strategy.at("capacityProvider").text("");
      return provider === UNRESOLVED || provider.startsWith("FARGATE");
    });
  const compatibilities = service.links("taskDefinition", TASK_DEFINITION)[0]?.at("requiresCompatibilities").texts();
  return (
    compatibilities === undefined ||
    compatibilities === UNRESOLVED ||
    compatibilities.length === 0 ||
    compatibilities.includes("FARGATE")
  );
}
