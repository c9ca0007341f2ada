/** The most memory this process has had, in bytes. */
export const peakMemory = (): number => process.resourceUsage().maxRSS * 1024;
