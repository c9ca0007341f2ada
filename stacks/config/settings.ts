import type { CapacityPlan } from "../../infra/limits/capacity.ts";
import type { Settings } from "../../runtime/platform/settings.ts";
import { runUsd } from "../planning/cost.ts";
import type { StackConfig } from "./schema.ts";

/**
 * Maximum seconds from the launch of a run to its first report. Glue documents no start time for Python shell jobs, so
 * their value is generous. An instance boots in half a minute and then pulls the image.
 */
const START_SECONDS = { glue: 600, ec2: 300 } as const;

/** Number of proxies whose X-Forwarded-For the API trusts: the load balancer. */
const PROXIES = 1;

/**
 * Runtime settings that follow from a stack's configuration and capacity. The other settings are names of deployed
 * resources and defaults.
 */
export type StackSettings = Pick<Settings, "runners" | "traces"> & {
  api: Pick<Settings["api"], "poolMax" | "ratesDays" | "openRates" | "trustedHops" | "limits" | "resultDelivery"> & {
    signIn: Omit<Settings["api"]["signIn"], "platform">;
  };
  jobs: Omit<Settings["jobs"], "sourceBytes">;
};

/** Returns the stack's configuration as the settings that the runtime reads (RATES_SETTINGS). */
export function stackSettings(config: StackConfig, plan: CapacityPlan): StackSettings {
  const { jobs, api, data, runners } = config;
  const { glue, ec2 } = runners;
  const usd = runUsd(config, plan);
  return {
    ...(config.traces === undefined ? {} : { traces: config.traces }),
    jobs: { ...jobs, retentionDays: data.retentionDays, auditDays: data.auditDays },
    api: {
      poolMax: api.poolMax,
      ratesDays: api.ratesDays,
      openRates: api.openRates,
      trustedHops: PROXIES,
      limits: api.limits,
      signIn: signInSettings(api),
      resultDelivery: api.resultDelivery,
    },
    runners: {
      glue: {
        slots: plan.glue.maxConcurrentRuns,
        usdPerHour: usd.glue,
        idleSeconds: glue.idleSeconds,
        ...(glue.tenantSlots === undefined ? {} : { tenantSlots: glue.tenantSlots }),
        startSeconds: START_SECONDS.glue,
        // Glue's timeout minus the longest job, which a run may claim in the last second of its lifetime.
        lifetimeSeconds: Math.max(1, glue.timeoutMinutes * 60 - jobs.maxTimeoutSeconds),
      },
      ec2: {
        slots: plan.ec2.maxInstances,
        usdPerHour: usd.ec2,
        idleSeconds: ec2.idleSeconds,
        ...(ec2.tenantSlots === undefined ? {} : { tenantSlots: ec2.tenantSlots }),
        startSeconds: START_SECONDS.ec2,
        lifetimeSeconds: ec2.lifetimeSeconds,
      },
    },
  };
}

/** Returns the sign-in settings; a provider redirects to the host name of the certificate, which checks.ts requires. */
function signInSettings({ signIn, domainName }: StackConfig["api"]): StackSettings["api"]["signIn"] {
  const { oidc, ...rest } = signIn;
  if (oidc === undefined) return rest;
  return { ...rest, oidc: { ...oidc, ...(domainName === undefined ? {} : { publicUrl: `https://${domainName}` }) } };
}
