import { type EngineResource, type Finding, type Pack, startPack, urnOf } from "./packClient.ts";

/** Creates a resource of a program that is not ours; `links` are the targets of its properties. */
export const foreignResource = (
  type: string,
  name: string,
  props: Record<string, unknown> = {},
  links: Record<string, [type: string, name: string]> = {},
): EngineResource => ({
  type,
  name,
  props,
  links: Object.fromEntries(
    Object.entries(links).map(([property, [type, name]]) => [property, [urnOf({ type, name, props: {} })]]),
  ),
  provider: {
    urn: "urn:pulumi:test::test::pulumi:providers:aws::pinned",
    name: "pinned",
    props: { allowedAccountIds: '["333333333333"]' },
  },
});

/** Starts a pack for a suite's tests; the returned function lists the messages of the given rules about a program. */
export function packFor(
  name: "limits" | "security",
): (resources: readonly EngineResource[], ...rules: string[]) => Promise<string[]> {
  let pack: Pack;
  before(async () => {
    pack = await startPack(name);
  });
  after(() => pack.close());
  return async (resources, ...rules) => {
    const describe = ({ policy, message }: Finding) => (rules.length === 1 ? message : `${policy} ${message}`);
    return (await pack.findings(resources)).filter(({ policy }) => rules.includes(policy)).map(describe);
  };
}
