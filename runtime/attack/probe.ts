import { Agent, get } from "node:http";

/**
 * Measures GET requests, one at a time over one connection. It is a separate process, so that the attacker's own work
 * does not delay them. Prints p50, p99 and the longest time as JSON, in milliseconds.
 *
 * node probe.ts URL COUNT
 */
const [url = "", count = ""] = process.argv.slice(2);
const agent = new Agent({ keepAlive: true, maxSockets: 1 });

const measure = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const startedAt = performance.now();
    get(url, { agent }, (response) => {
      response.resume();
      response.on("end", () => {
        if (response.statusCode === 200) resolve(performance.now() - startedAt);
        else reject(new Error(`${url} returned ${response.statusCode}`));
      });
      response.on("error", reject);
    }).on("error", reject);
  });

// Warm up: open the connection and compile the code.
for (let request = 0; request < 50; request++) await measure();
const times: number[] = [];
while (times.length < Number(count)) times.push(await measure());
times.sort((a, b) => a - b);
const percentile = (fraction: number) => times[Math.min(times.length - 1, Math.floor(times.length * fraction))];
console.log(JSON.stringify({ p50: percentile(0.5), p99: percentile(0.99), longest: times.at(-1) }));
agent.destroy();
