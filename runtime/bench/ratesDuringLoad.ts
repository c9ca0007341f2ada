import { setTimeout as pause } from "node:timers/promises";
import { type BenchPlatform, request } from "./platform.ts";
import { percentile, type Row } from "./report.ts";

/** Requests to /rates per second: far fewer than the API can serve, so that only the load slows them. */
const RATE = 100;
const QUIET_SECONDS = 10;
/** Maximum ratio of the 99th percentile during a load to the one before it. */
const MAX_RATIO = 2;

/** Measures the 99th percentile of the latency of /rates before and during the load of a batch from S3. */
export async function ratesDuringLoad(platform: BenchPlatform, key: string): Promise<Row> {
  const { admin, file } = platform;
  const { rows: lanes } = await admin.query(
    `select orig_code, dest_code, min(day)::text as "from", (min(day) + 30)::text as "to"
     from prices group by 1, 2 order by 1, 2 limit 1000`,
  );
  const measureRequest = async (index: number) => {
    const { orig_code, dest_code, from, to } = lanes[(index * 7_919) % lanes.length];
    const begun = performance.now();
    const query = new URLSearchParams({ date_from: from, date_to: to, orig_code, dest_code });
    const response = await fetch(`${file.api}/rates?${query}`);
    await response.arrayBuffer();
    if (!response.ok) throw new Error(`/rates returned ${response.status}`);
    return performance.now() - begun;
  };
  /** Sends requests at a fixed rate, without waiting for earlier responses, until `isOver`; returns their latencies. */
  const latencies = async (isOver: () => boolean) => {
    const sent: Promise<number>[] = [];
    const begun = performance.now();
    for (; !isOver(); await pause(Math.max(0, begun + (sent.length * 1000) / RATE - performance.now())))
      sent.push(measureRequest(sent.length));
    return Promise.all(sent);
  };
  const quietUntil = performance.now() + QUIET_SECONDS * 1000;
  const before = await latencies(() => performance.now() >= quietUntil);
  let isLoaded = false;
  const load = platform
    .run([request({ type: "update", target: "prices", source: { s3: `s3://${file.uploadsBucket}/${key}` } })])
    .finally(() => {
      isLoaded = true;
    });
  const [during] = await Promise.all([latencies(() => isLoaded), load]);
  return {
    name: "/rates while a batch is loaded, p99",
    ours: percentile(during, 0.99),
    peer: percentile(before, 0.99),
    peerName: "before the load",
    unit: "ms",
    higherIsBetter: false,
    target: MAX_RATIO,
    note: `${RATE} requests per second; ${during.length} during the load`,
  };
}
