import type { ResourceType } from "../types.ts";
import { containersTypes } from "./containers.ts";
import { dataTypes } from "./data.ts";
import { identityTypes } from "./identity.ts";
import { messagesTypes } from "./messages.ts";
import { monitoringTypes } from "./monitoring.ts";
import { networkTypes } from "./network.ts";

/** AWS types that are simulated beyond the SDK's declarations. A resource of any other type only gets an id. */
export const awsTypes: Readonly<Record<string, ResourceType>> = {
  ...messagesTypes,
  ...identityTypes,
  ...dataTypes,
  ...containersTypes,
  ...networkTypes,
  ...monitoringTypes,
};
