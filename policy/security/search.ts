import { control, resourceRule } from "../rule.ts";
import { DOMAIN } from "../types.ts";
import { UNRESOLVED } from "../value.ts";
import { flagRule } from "./flag.ts";

export const searchEncrypted = flagRule({
  name: "opensearch-encrypted",
  control: "Opensearch.1",
  type: DOMAIN,
  property: "encryptAtRest.enabled",
  value: true,
  awsDefault: false,
  description: "A search domain's storage is encrypted.",
  consequence: "documents are stored unencrypted",
});

export const searchPrivate = resourceRule({
  name: "opensearch-in-vpc",
  description: "A search domain is reachable from inside its VPC only.",
  framework: control("Opensearch.2"),
  remediation: "Give the domain vpcOptions with private subnets.",
  presenceOf: ["vpcOptions"],
  types: [DOMAIN],
  check(domain, report) {
    if (domain.at("vpcOptions").isAbsent)
      report(domain, "vpcOptions are not set, so its endpoint is public: set subnets and security groups.");
  },
});

export const searchNodes = flagRule({
  name: "opensearch-node-encryption",
  control: "Opensearch.3",
  type: DOMAIN,
  property: "nodeToNodeEncryption.enabled",
  value: true,
  awsDefault: false,
  description: "Traffic between a search domain's nodes is encrypted.",
  consequence: "documents travel unencrypted between nodes",
});

export const searchTls = resourceRule({
  name: "opensearch-tls",
  description: "A search domain accepts only TLS 1.2 or newer with perfect forward secrecy.",
  framework: control("Opensearch.8"),
  remediation:
    "Set domainEndpointOptions.enforceHttps to true and its tlsSecurityPolicy to Policy-Min-TLS-1-2-PFS-2023-10.",
  types: [DOMAIN],
  check(domain, report) {
    if (domain.at("domainEndpointOptions.enforceHttps").flag(false) === false)
      report(domain, "domainEndpointOptions.enforceHttps is not true: set it to true.");
    const policy = domain.at("domainEndpointOptions.tlsSecurityPolicy").text("not set");
    if (policy !== UNRESOLVED && !policy.startsWith("Policy-Min-TLS-1-2-PFS"))
      report(domain, `domainEndpointOptions.tlsSecurityPolicy is ${policy}: set it to Policy-Min-TLS-1-2-PFS-2023-10.`);
  },
});

export const SEARCH_RULES = [searchEncrypted, searchPrivate, searchNodes, searchTls];
