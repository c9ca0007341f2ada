/** The least that a stack must say, as a new object each time; for tests that change it. */
const minimalConfig = () => ({
  account: { id: "111111111111", region: "eu-central-1" },
  tags: { owner: "team", costCentre: "1" },
  network: { zones: ["eu-central-1a", "eu-central-1b"] },
  database: { instanceClass: "db.t4g.medium", storageGb: 20 },
  runners: { ec2: { instanceType: "t4g.small" } },
  budget: { monthlyUsd: 100, email: "team@example.com" },
});
export type RawConfig = ReturnType<typeof minimalConfig>;

/** The least configuration, changed. */
export function rawConfig(): RawConfig;
export function rawConfig<T>(change: (config: RawConfig) => T): T;
export function rawConfig<T>(change?: (config: RawConfig) => T): RawConfig | T {
  return change ? change(minimalConfig()) : minimalConfig();
}
