import { asList, asObject, asText, type Properties, type Value } from "./values.ts";

/** A planned subnet of an awsx VPC. */
export interface Subnet {
  readonly type: "public" | "private" | "isolated";
  /** Name in awsx's form: VPC, name or type of the spec, and number of the zone, from 1. */
  readonly name: string;
  readonly zone: string;
  readonly cidr: string;
  readonly tags: Properties;
}

/**
 * Plans the subnets of a VPC, with the same types in every zone. All zones get address blocks of the same size. A
 * subnet has the CIDR or the mask of its spec (`cidrBlocks`, `cidrMask`), or else an equal share of its zone's block.
 * The layout is similar to awsx's own; the order of a zone's subnets may differ.
 */
export function planSubnets(vpc: string, cidr: string, zones: readonly string[], specs: readonly Value[]): Subnet[] {
  const [address = "", mask = ""] = cidr.split("/");
  const base = address.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
  const zoneMask = Number(mask) + Math.ceil(Math.log2(zones.length));
  const used = specs.map(asObject).filter(({ type }) => asText(type).toLowerCase() !== "unused");
  const sharedMask = zoneMask + Math.ceil(Math.log2(Math.max(used.length, 1)));

  return zones.flatMap((zone, index) => {
    let next = base + index * 2 ** (32 - zoneMask);
    const end = next + 2 ** (32 - zoneMask);
    return used.map((spec): Subnet => {
      const kind = asText(spec.type).toLowerCase() as Subnet["type"];
      const size = typeof spec.cidrMask === "number" ? spec.cidrMask : sharedMask;
      const explicitCidr = asText(asList(spec.cidrBlocks)[index]);
      if (size < 16 || size > 28) throw new Error(`Subnet ${kind}: a mask of /${size} is not between /16 and /28`);
      const start = Math.ceil(next / 2 ** (32 - size)) * 2 ** (32 - size);
      next = start + 2 ** (32 - size);
      if (explicitCidr === "" && next > end)
        throw new Error(`Subnets are too large for VPC ${cidr} in ${zones.length} zones`);
      return {
        type: kind,
        name: `${vpc}-${asText(spec.name, kind)}-${index + 1}`,
        zone,
        cidr: explicitCidr === "" ? `${formatAddress(start)}/${size}` : explicitCidr,
        tags: asObject(spec.tags),
      };
    });
  });
}

function formatAddress(address: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256).join(".");
}
