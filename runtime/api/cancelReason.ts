import Type, { type Static } from "typebox";
import { cutText } from "../contract/bounds.ts";
import { INPUT } from "../contract/inputLimits.ts";
import { redactText } from "../contract/redact.ts";

/** Fields of a cancellation's body. */
export const CancelFields = {
  reason: Type.Optional(
    Type.String({
      pattern: "^[^\\u0000-\\u001f\\u007f-\\u009f]*$",
      minLength: 1,
      maxLength: INPUT.cancelReason,
      description: "reason as plain text; shown in the document, the response and the audit trail",
      rule: "text without control characters",
    }),
  ),
};

/** Body of POST /jobs/{id}/cancel. */
export const CancelBody = Type.Object(CancelFields, { additionalProperties: false });

/** Returns the reason to store, with secrets removed from URLs; undefined if it is absent or only white space. */
export function cancelReasonOf({ reason = "" }: Static<typeof CancelBody>): string | undefined {
  const text = redactText(reason).trim();
  return text === "" ? undefined : cutText(text, INPUT.cancelReason);
}
