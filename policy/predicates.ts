import type { Resource } from "./resource.ts";
import { TASK } from "./types.ts";
import { UNRESOLVED } from "./value.ts";

/** Load balancers of the network have a quota of their own, know no headers, and log only what they end TLS of. */
export const isApplicationLoadBalancer = (balancer: Resource): boolean =>
  balancer.at("loadBalancerType").text("application") === "application";

/** Whether a service's tasks may run on Fargate: not where it names instances, or its tasks can run on these only. */
export function isOnFargate(service: Resource): boolean {
  const type = service.at("launchType").text("");
  if (type === UNRESOLVED || type !== "") return type === UNRESOLVED || type === "FARGATE";
  const strategies = service.at("capacityProviderStrategies").items();
  if (strategies === UNRESOLVED) return true;
  if (strategies.length > 0)
    return strategies.some((one) => {
      const provider = one.at("capacityProvider").text("");
      return provider === UNRESOLVED || provider.startsWith("FARGATE");
    });
  const fits = service.links("taskDefinition", TASK)[0]?.at("requiresCompatibilities").texts();
  return fits === undefined || fits === UNRESOLVED || fits.length === 0 || fits.includes("FARGATE");
}
