import { fillWithJobs } from "./dashboard/testing.ts";
import { testApi } from "./testing.ts";
describe("scratch", () => {
  it("measures", async function () {
    this.timeout(300000);
    const p = await testApi({ runners: { glue: { slots: 2 }, ec2: { slots: 1 } } });
    let t = performance.now();
    await fillWithJobs(p.admin, 100_000, "acme");
    console.log("fill", performance.now() - t);
    const headers = await p.as("acme", "admin");
    for (const url of ["/stats", "/stats", "/stats", "/jobs?limit=50", "/jobs?text=nightly-99"]) {
      t = performance.now();
      const a = await p.app.inject({ url, headers });
      console.log(url, performance.now() - t, a.body.slice(0, 500));
    }
    for (const sql of (process.env.SQLS ?? "").split(";;").filter(Boolean).concat(["select * from jobs.room('glue')", "select jobs.figures(1)"])) {
      for (let i = 0; i < 3; i++) {
      t = performance.now();
      const { rows } = await p.admin.query(sql);
      const ms = performance.now() - t;
      console.log(ms.toFixed(1), sql.slice(0, 200), i ? "" : JSON.stringify(rows).slice(0, 3000));
      }
    }
    await p.close();
  });
});
