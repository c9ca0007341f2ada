import Type from "typebox";
import { ownStack } from "../account.ts";
import type { Control } from "../controls.ts";
import type { Resource } from "../resource.ts";
import { control, type Rule, resourceRule } from "../rule.ts";
import { UNRESOLVED } from "../value.ts";

/** For rules that only hold where a stack holds data that must be kept. */
export const HOLDS_DATA = {
  holdsData: Type.Boolean({ default: true, description: "whether the program holds data that must be kept" }),
};
/** Our own stacks say so themselves (data.keep). */
export const holdsData = (settings: { holdsData: boolean }): boolean =>
  ownStack()?.config.data.keep ?? settings.holdsData;

interface Flag {
  name: string;
  /** The control, as RDS.2. */
  control: Control;
  type: string;
  /** The property by its path, and what it must be. */
  property: string;
  value: boolean;
  /** What AWS takes where it is left out. */
  absent: boolean;
  description: string;
  /** What follows from the wrong value; ends the sentence that names it. */
  because: string;
  /** Whether the rule only holds where data is held. */
  dataOnly?: true;
  /** Which resources of the type it is about; all of them where it is left out. */
  only?: (resource: Resource) => boolean;
}

/** A control that asks for one property to be true, or false. Where all may have it so, it can be set for them. */
export const flagRule = ({
  property,
  value,
  absent,
  type,
  because,
  dataOnly,
  only = () => true,
  control: reference,
  ...told
}: Flag): Rule =>
  resourceRule({
    ...told,
    framework: control(reference),
    remediation: `Set ${property} to ${value}.`,
    types: [type],
    ...(dataOnly ? { settings: HOLDS_DATA } : {}),
    check(resource, report, settings: { holdsData?: boolean }) {
      if (!only(resource)) return;
      if (dataOnly && !holdsData({ holdsData: settings.holdsData ?? true })) return;
      const found = resource.at(property).flag(undefined);
      if (found === UNRESOLVED || (found ?? absent) === value) return;
      report(resource, `${property} is ${found ?? "not set"}, so that ${because}: set it to ${value}.`);
    },
    // What is only left out may be filled in; what somebody has decided is not to be decided otherwise in silence.
    ...(property.includes(".") || dataOnly
      ? {}
      : {
          fix: (resource) =>
            only(resource) && resource.at(property).isAbsent && absent !== value ? { [property]: value } : undefined,
        }),
  });
