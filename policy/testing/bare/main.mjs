// A pack without rules: the baseline for the time that our packs take.
import { PolicyPack } from "@pulumi/policy";

new PolicyPack("bare", { policies: [] });
