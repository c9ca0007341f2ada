import type * as pulumi from "@pulumi/pulumi";

/** Returns the statement of a resource policy that denies requests without TLS. */
export const tlsOnly = (action: string, resource: pulumi.Input<string> | readonly pulumi.Input<string>[]) => ({
  Sid: "TlsOnly",
  Effect: "Deny",
  Principal: "*",
  Action: action,
  Resource: resource,
  Condition: { Bool: { "aws:SecureTransport": "false" } },
});
