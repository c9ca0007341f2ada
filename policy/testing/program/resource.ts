import { type EngineResource, urnOf } from "../packClient.ts";

const PROVIDER = {
  urn: "urn:pulumi:test::test::pulumi:providers:aws::account",
  name: "account",
  props: { region: "eu-central-1", allowedAccountIds: '["333333333333"]' },
};

/** Creates a resource of the program; `links` has the type and name of each resource that a property depends on. */
export const programResource = (
  type: string,
  name: string,
  props: Record<string, unknown>,
  links: Record<string, [type: string, name: string][]> = {},
): EngineResource => ({
  type,
  name,
  props,
  links: Object.fromEntries(
    Object.entries(links).map(([property, targets]) => [
      property,
      targets.map(([type, name]) => urnOf({ type, name, props: {} })),
    ]),
  ),
  provider: PROVIDER,
});
