import type * as pulumi from "@pulumi/pulumi";

/** The statement of a resource's policy that refuses whoever comes without TLS, whatever else lets them in. */
export const tlsOnly = (action: string, resource: pulumi.Input<string> | readonly pulumi.Input<string>[]) => ({
  Sid: "TlsOnly",
  Effect: "Deny",
  Principal: "*",
  Action: action,
  Resource: resource,
  Condition: { Bool: { "aws:SecureTransport": "false" } },
});
