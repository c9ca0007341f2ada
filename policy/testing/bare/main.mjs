// A pack without a rule: what a pack costs whatever is in it, which ours are measured against.
import { PolicyPack } from "@pulumi/policy";

new PolicyPack("bare", { policies: [] });
