/** @typedef {import("../types.ts").TenantUsage} TenantUsage */

const SECONDS_PER_HOUR = 3_600;

/** Returns the current month: "2026-01" (UTC). */
export const currentMonth = () => new Date().toISOString().slice(0, 7);

/** Returns the month that is `n` months after another. @type {(month: string, n: number) => string} */
export function monthAfter(month, n) {
  const [year = 0, number = 1] = month.split("-").map(Number);
  return new Date(Date.UTC(year, number - 1 + n)).toISOString().slice(0, 7);
}

/** Formats seconds as hours: "1.50 h". @param {number} seconds */
export const hours = (seconds) =>
  `${(seconds / SECONDS_PER_HOUR).toLocaleString("en", { minimumFractionDigits: 2, maximumFractionDigits: 2 })}\u00a0h`;

/** Formats an amount: "1,234.50"; empty if it is unknown. @param {number | undefined} amount */
export const usd = (amount) =>
  amount?.toLocaleString("en", { minimumFractionDigits: 2, maximumFractionDigits: 2 }) ?? "";

/** Adds the usage of tenants. @param {readonly TenantUsage[]} tenants @returns {TenantUsage} */
export function sumOf(tenants) {
  /** @param {(usage: TenantUsage) => number} numberOf */
  const sum = (numberOf) => tenants.reduce((total, usage) => total + numberOf(usage), 0);
  return {
    tenant: "",
    succeeded: sum(({ succeeded }) => succeeded),
    failed: sum(({ failed }) => failed),
    cancelled: sum(({ cancelled }) => cancelled),
    rows: sum(({ rows }) => rows),
    bytes: sum(({ bytes }) => bytes),
    glueSeconds: sum(({ glueSeconds }) => glueSeconds),
    ec2Seconds: sum(({ ec2Seconds }) => ec2Seconds),
    estimatedUsd: sum(({ estimatedUsd = 0 }) => estimatedUsd),
  };
}
