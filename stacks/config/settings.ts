import type { CapacityPlan } from "../../infra/limits/capacity.ts";
import type { Settings } from "../../runtime/platform/settings.ts";
import { runUsd } from "../planning/cost.ts";
import type { StackConfig } from "./schema.ts";

/**
 * Seconds that a run may take from its launch to its first sign of life. Glue names no figure for Python shell jobs, so
 * theirs is generous; an instance boots in half a minute and then pulls the image (measured by others: peers.md).
 */
const START_SECONDS = { glue: 600, ec2: 300 } as const;

/** The load balancer, whose word for who calls the API can be taken. */
const PROXIES = 1;

/** What of the runtime's settings a stack's configuration and capacity say; the rest are names of what was deployed. */
export type StackSettings = Pick<Settings, "runners"> & {
  api: Pick<Settings["api"], "poolMax" | "ratesDays" | "openRates" | "trustedHops" | "limits" | "resultDelivery"> & {
    signIn: Omit<Settings["api"]["signIn"], "platform">;
  };
  jobs: Omit<Settings["jobs"], "sourceBytes">;
};

/** The stack's choices in the names of the settings that the runtime reads (RATES_SETTINGS). */
export function stackSettings(config: StackConfig, plan: CapacityPlan): StackSettings {
  const { jobs, api, data, runners } = config;
  const { glue, ec2 } = runners;
  const usd = runUsd(config, plan);
  return {
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
        // The time that Glue gives the run, less that of the longest job, which it may begin in its last second.
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

/** How people sign in; a provider leads back to the address that the certificate is for (checks.ts). */
function signInSettings({ signIn, domainName }: StackConfig["api"]): StackSettings["api"]["signIn"] {
  const { oidc, ...rest } = signIn;
  if (oidc === undefined) return rest;
  return { ...rest, oidc: { ...oidc, ...(domainName === undefined ? {} : { publicUrl: `https://${domainName}` }) } };
}
