/** Returns the minimal configuration of a stack, as a new object that a test may change. */
const minimalConfig = () => ({
  account: { id: "111111111111", region: "eu-central-1" },
  tags: { owner: "team", costCentre: "1" },
  network: { zones: ["eu-central-1a", "eu-central-1b"] },
  database: { instanceClass: "db.t4g.medium", storageGb: 20 },
  runners: { ec2: { instanceType: "t4g.small" } },
  budget: { monthlyUsd: 100, email: "team@example.com" },
});
export type RawConfig = ReturnType<typeof minimalConfig>;

/** Returns the minimal configuration, or the result of `change` applied to it. */
export function rawConfig(): RawConfig;
export function rawConfig<T>(change: (config: RawConfig) => T): T;
export function rawConfig<T>(change?: (config: RawConfig) => T): RawConfig | T {
  return change ? change(minimalConfig()) : minimalConfig();
}
