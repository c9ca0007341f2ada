import { Agent, get } from "node:http";

/**
 * Measures GET requests in a process of its own, one after the other over one connection: the attacker's own work does
 * not delay them. Prints milliseconds as JSON: p50, p99 and the longest.
 *
 * node probe.ts URL COUNT
 */
const [url = "", count = ""] = process.argv.slice(2);
const agent = new Agent({ keepAlive: true, maxSockets: 1 });

const measure = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const begun = performance.now();
    get(url, { agent }, (response) => {
      response.resume();
      response.on("end", () => {
        if (response.statusCode === 200) resolve(performance.now() - begun);
        else reject(new Error(`${url} was answered ${response.statusCode}`));
      });
      response.on("error", reject);
    }).on("error", reject);
  });

// The first ones open the connection and compile what they run.
for (let turn = 0; turn < 50; turn++) await measure();
const times: number[] = [];
while (times.length < Number(count)) times.push(await measure());
times.sort((a, b) => a - b);
const percentileOf = (share: number) => times[Math.min(times.length - 1, Math.floor(times.length * share))];
console.log(JSON.stringify({ p50: percentileOf(0.5), p99: percentileOf(0.99), longest: times.at(-1) }));
agent.destroy();
