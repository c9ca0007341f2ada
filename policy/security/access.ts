import type { Control } from "../controls.ts";
import type { Resource } from "../resource.ts";
import { control, documented, type Rule, resourceRule, stackRule } from "../rule.ts";
import { BUCKET, BUCKET_POLICY, QUEUE, QUEUE_POLICY } from "../types.ts";
import { UNRESOLVED } from "../value.ts";
import { isLimited, isOfEverybody, isTlsOnly, statementsOf } from "./document.ts";

/** Access policies of a resource type: separate resources, and an inline one. */
interface Policed {
  readonly type: string;
  readonly policy: string;
  /** Property by which a separate policy names its resource. */
  readonly link: string;
  readonly what: string;
}
const QUEUES: Policed = { type: QUEUE, policy: QUEUE_POLICY, link: "queueUrl", what: "queue" };
const BUCKETS: Policed = { type: BUCKET, policy: BUCKET_POLICY, link: "bucket", what: "bucket" };

/** Requires of each resource a policy that denies requests without TLS. */
const tlsOnly = (name: string, framework: Rule["framework"], { type, policy, link, what }: Policed): Rule =>
  stackRule({
    name,
    description: `A ${what} accepts requests over TLS only.`,
    severity: "medium",
    framework,
    remediation: "Add a policy that denies everyone everything when aws:SecureTransport is false.",
    mayBeUnknown: ["policy"],
    check(stack, report) {
      const judged = new Set<Resource>();
      for (const one of stack.of(type)) {
        const policies = [...stack.linkedTo(one, policy, link), ...(one.at("policy").isAbsent ? [] : [one])];
        if (policies.length === 0) report(one, `it has no policy that denies requests without TLS: add one.`);
        for (const from of policies) {
          judged.add(from);
          const statements = statementsOf(from.at("policy"));
          if (statements !== UNRESOLVED && !isTlsOnly(statements))
            report(
              one,
              `its policy ${from.name} does not deny everything when aws:SecureTransport is false: add that statement.`,
            );
        }
      }
      // Policies for other programs' buckets and queues.
      for (const own of stack.of(policy)) {
        if (judged.has(own)) continue;
        const statements = statementsOf(own.at("policy"));
        if (statements !== UNRESOLVED && !isTlsOnly(statements))
          report(own, "it does not deny everything when aws:SecureTransport is false: add that statement.");
      }
    },
  });

/** Refuses everyone as principal without a condition. */
const notPublic = (name: string, reference: Control, { type, policy, what }: Policed): Rule =>
  resourceRule({
    name,
    description: `The policy of a ${what} admits named principals only.`,
    framework: control(reference),
    remediation:
      "Name the accounts, roles or services in Principal, or limit everyone by a Condition on their identity or network.",
    mayBeUnknown: ["policy"],
    types: [policy, type],
    check(resource, report) {
      const statements = statementsOf(resource.at("policy"));
      if (statements === UNRESOLVED) return;
      for (const statement of statements)
        if (statement.allows && isOfEverybody(statement) && !isLimited(statement))
          report(
            resource,
            `its policy allows everyone ${statement.actions.join(", ")}: name the callers in Principal.`,
          );
    },
  });

export const bucketTls = tlsOnly("s3-tls-only", control("S3.5"), BUCKETS);
export const queueTls = tlsOnly(
  "sqs-tls-only",
  documented("Amazon SQS Developer Guide, Security best practices, Enforce encryption of data in transit"),
  QUEUES,
);
export const bucketNotPublic = notPublic("s3-not-public", "S3.2", BUCKETS);
export const queueNotPublic = notPublic("sqs-not-public", "SQS.3", QUEUES);

export const ACCESS_RULES = [bucketTls, bucketNotPublic, queueTls, queueNotPublic];
