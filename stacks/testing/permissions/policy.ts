/** One statement of a policy, as IAM accepts it. */
export interface PolicyStatement {
  Sid?: string;
  Effect: "Allow" | "Deny";
  Principal?: "*" | Record<string, string | string[]>;
  Action?: string | string[];
  NotAction?: string | string[];
  Resource?: string | string[];
  NotResource?: string | string[];
  Condition?: Record<string, Record<string, string | string[]>>;
}

/** A policy document. */
export interface PolicyDocument {
  Version: string;
  Statement: PolicyStatement[];
}

/** A named policy of an identity or a resource. */
export interface Policy {
  readonly name: string;
  readonly document: PolicyDocument;
  /** ARN of the resource to which the policy belongs; undefined for policies of identities. */
  readonly resource?: string;
}
