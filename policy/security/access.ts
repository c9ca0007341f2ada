import type { Control } from "../controls.ts";
import type { Resource } from "../resource.ts";
import { control, documented, type Rule, resourceRule, stackRule } from "../rule.ts";
import { BUCKET, BUCKET_POLICY, QUEUE, QUEUE_POLICY } from "../types.ts";
import { UNRESOLVED } from "../value.ts";
import { appliesToEveryone, isLimited, isTlsOnly, statementsOf } from "./document.ts";

/** A resource type and its access policies, which are separate resources or inline. */
interface PolicySubject {
  readonly type: string;
  readonly policyType: string;
  /** Property by which a separate policy names its resource. */
  readonly link: string;
  /** Prefix of its actions. */
  readonly service: "s3" | "sqs";
  readonly label: string;
}
const QUEUES: PolicySubject = {
  type: QUEUE,
  policyType: QUEUE_POLICY,
  link: "queueUrl",
  service: "sqs",
  label: "queue",
};
const BUCKETS: PolicySubject = {
  type: BUCKET,
  policyType: BUCKET_POLICY,
  link: "bucket",
  service: "s3",
  label: "bucket",
};

/** Creates a rule that requires a policy that denies requests without TLS. */
const tlsOnly = (
  name: string,
  framework: Rule["framework"],
  { type, policyType, link, service, label }: PolicySubject,
): Rule =>
  stackRule({
    name,
    description: `A ${label} accepts requests over TLS only.`,
    severity: "medium",
    framework,
    remediation: "Add a policy statement that denies all actions to everyone when aws:SecureTransport is false.",
    mayBeUnknown: ["policy"],
    check(stack, report) {
      const checked = new Set<Resource>();
      for (const resource of stack.of(type)) {
        const policies = [
          ...stack.linkedTo(resource, policyType, link),
          ...(resource.at("policy").isAbsent ? [] : [resource]),
        ];
        if (policies.length === 0) report(resource, `it has no policy that denies requests without TLS: add one.`);
        for (const policy of policies) {
          checked.add(policy);
          const statements = statementsOf(policy.at("policy"));
          if (statements !== UNRESOLVED && !isTlsOnly(statements, service))
            report(
              resource,
              `its policy ${policy.name} does not deny all requests without TLS: add a statement that denies them when aws:SecureTransport is false.`,
            );
        }
      }
      // Policies for other programs' buckets and queues.
      for (const policy of stack.of(policyType)) {
        if (checked.has(policy)) continue;
        const statements = statementsOf(policy.at("policy"));
        if (statements !== UNRESOLVED && !isTlsOnly(statements, service))
          report(
            policy,
            "it does not deny all requests without TLS: add a statement that denies them when aws:SecureTransport is false.",
          );
      }
    },
  });

/** Creates a rule that refuses policies that allow everyone without a condition on callers. */
const notPublic = (name: string, reference: Control, { type, policyType, label }: PolicySubject): Rule =>
  resourceRule({
    name,
    description: `The policy of a ${label} admits only named principals, fixed identities or narrow networks.`,
    framework: control(reference),
    remediation:
      "Name the accounts, roles or services in Principal, or limit callers by a Condition to fixed identities or narrow networks.",
    mayBeUnknown: ["policy"],
    types: [policyType, type],
    check(resource, report) {
      const statements = statementsOf(resource.at("policy"));
      if (statements === UNRESOLVED) return;
      for (const statement of statements)
        if (statement.allows && appliesToEveryone(statement) && !isLimited(statement))
          report(
            resource,
            `its policy allows ${statement.actions.join(", ")} to everyone: name the callers in Principal.`,
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
