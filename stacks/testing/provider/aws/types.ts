import type { ResourceType } from "../types.ts";
import { containersTypes } from "./containers.ts";
import { dataTypes } from "./data.ts";
import { identityTypes } from "./identity.ts";
import { messagesTypes } from "./messages.ts";
import { networkTypes } from "./network.ts";
import { watchingTypes } from "./watching.ts";

/** The types of AWS that the stand-in knows more of than the SDK declares. Any other gets an id and nothing else. */
export const awsTypes: Readonly<Record<string, ResourceType>> = {
  ...messagesTypes,
  ...identityTypes,
  ...dataTypes,
  ...containersTypes,
  ...networkTypes,
  ...watchingTypes,
};
