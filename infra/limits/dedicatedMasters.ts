/**
 * Number of data nodes from which an OpenSearch domain has three dedicated master nodes. With fewer, data nodes act as
 * masters (in three zones they keep a quorum without one zone), and the cluster state is small (one single-shard index
 * per month): dedicated masters would cost more than they improve.
 */
export const DEDICATED_MASTERS = { from: 10, count: 3, instanceType: "m7g.large.search" } as const;

/** Returns the number of dedicated master nodes of a domain. */
export const dedicatedMasterCount = (dataNodes: number): number =>
  dataNodes >= DEDICATED_MASTERS.from ? DEDICATED_MASTERS.count : 0;
