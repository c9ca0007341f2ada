/**
 * Number of data nodes from which an OpenSearch domain has three dedicated master nodes. Below, the data nodes of three
 * zones form a quorum, and the cluster state is small (one single-shard index per month): masters would cost more than
 * they improve.
 */
export const DEDICATED_MASTERS = { from: 10, count: 3, instanceType: "m7g.large.search" } as const;

/** Returns the number of dedicated master nodes of a domain. */
export const dedicatedMasterCount = (dataNodes: number): number =>
  dataNodes >= DEDICATED_MASTERS.from ? DEDICATED_MASTERS.count : 0;
