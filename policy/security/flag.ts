import Type from "typebox";
import { ownStack } from "../account.ts";
import type { Control } from "../controls.ts";
import type { Resource } from "../resource.ts";
import { control, type Rule, resourceRule } from "../rule.ts";
import { UNRESOLVED } from "../value.ts";

/** Setting of rules that apply only if a program keeps data. */
export const HOLDS_DATA = {
  holdsData: Type.Boolean({ default: true, description: "whether the program keeps data" }),
};
/** Returns true if the program keeps data; our own stacks configure this themselves (data.keep). */
export const holdsData = (settings: { holdsData: boolean }): boolean =>
  ownStack()?.config.data.keep ?? settings.holdsData;

interface Flag {
  name: string;
  /** Id of the control, for example RDS.2. */
  control: Control;
  type: string;
  /** Path of the property, and its required value. */
  property: string;
  value: boolean;
  /** AWS's default. */
  awsDefault: boolean;
  description: string;
  /** Consequence of the wrong value; completes a sentence after "so". */
  consequence: string;
  /** Applies the rule only if the program keeps data. */
  dataOnly?: true;
  /**
   * Selects resources of the type.
   *
   * @default all
   */
  appliesTo?: (resource: Resource) => boolean;
}

/**
 * Creates a rule that requires the value of a boolean property. A missing value can be remediated, unless the property
 * is nested or the rule applies only to programs that keep data.
 */
export const flagRule = ({
  property,
  value,
  awsDefault,
  type,
  consequence,
  dataOnly,
  appliesTo = () => true,
  control: reference,
  ...metadata
}: Flag): Rule =>
  resourceRule({
    ...metadata,
    framework: control(reference),
    remediation: `Set ${property} to ${value}.`,
    types: [type],
    ...(dataOnly ? { settings: HOLDS_DATA } : {}),
    check(resource, report, settings: { holdsData?: boolean }) {
      if (!appliesTo(resource)) return;
      if (dataOnly && !holdsData({ holdsData: settings.holdsData ?? true })) return;
      const actual = resource.at(property).flag(undefined);
      if (actual === UNRESOLVED || (actual ?? awsDefault) === value) return;
      report(resource, `${property} is ${actual ?? "not set"}, so ${consequence}: set it to ${value}.`);
    },
    // Remediation sets missing values, but never changes explicit ones.
    ...(property.includes(".") || dataOnly
      ? {}
      : {
          fix: (resource) =>
            appliesTo(resource) && resource.at(property).isAbsent && awsDefault !== value
              ? { [property]: value }
              : undefined,
        }),
  });
