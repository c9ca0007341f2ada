import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { SendMessageCommand } from "@aws-sdk/client-sqs";
import { dashboardSuite, heading, READ } from "../../testing/dashboard/fixture.ts";
import { violationsOf } from "../../testing/dashboard/page.ts";

describe("dead letters and the audit trail in the dashboard", function () {
  this.timeout(60_000);
  this.slow(10_000);
  const suite = dashboardSuite({ runners: { glue: { slots: 1 }, ec2: { slots: 1 } } });

  it("puts dead letters back by class", async () => {
    const { p, token } = suite;
    const { sqs, queues } = p.context;
    for (const errorType of ["DatabaseUnavailable", "StorageUnavailable"])
      await sqs.send(
        new SendMessageCommand({
          QueueUrl: queues.deadLetters,
          MessageBody: JSON.stringify({ requestId: `from-${errorType}`, task: READ }),
          MessageAttributes: {
            errorType: { DataType: "String", StringValue: errorType },
            reason: { DataType: "String", StringValue: `because of ${errorType}` },
          },
        }),
      );
    const page = await p.open(token, "#/dead-letters");
    await page.getByText("Puts 2 messages back into the request queue, as if sent now").waitFor();
    await page.locator("header").getByText("2", { exact: true }).waitFor();
    await page.getByRole("searchbox", { name: "Search dead letters" }).fill("of storage");
    const letters = page.getByRole("region", { name: "Messages" }).locator("details");
    await letters.nth(1).waitFor({ state: "detached" });
    await letters.first().locator("summary").click();
    await letters.getByText("because of StorageUnavailable").waitFor();
    assert.match(String(await letters.locator("pre").textContent()), /from-StorageUnavailable/);
    assert.deepEqual(await violationsOf(page), []);
    await page.getByRole("checkbox", { name: "StorageUnavailable" }).uncheck();
    await page.getByRole("button", { name: "Requeue" }).click();
    await page.getByText("1 put back into the request queue.").waitFor();
    await page.getByRole("checkbox", { name: "DatabaseUnavailable" }).waitFor({ state: "detached" });
    const back = (await p.receive(queues.requests)).map(({ Body = "" }) => JSON.parse(Body).requestId);
    assert.deepEqual(back, ["from-DatabaseUnavailable"]);
    await page.getByRole("button", { name: "Requeue" }).click();
    await page.getByText("There are none.").waitFor();
  });

  it("shows who did what, finds it, leads to the job, and exports it", async () => {
    await suite.submit("audited-1");
    const page = await suite.p.open(suite.token, "#/audit");
    const search = page.getByRole("searchbox", { name: "Search the audit trail" });
    await page.getByRole("link", { name: "audited-1" }).waitFor();
    await search.fill("nobody has this name");
    await page.getByText("No entries match.").waitFor();
    await search.fill("audited-1");
    const link = page.getByRole("link", { name: "audited-1" });
    await link.waitFor();
    const download = page.waitForEvent("download");
    await page.getByRole("button", { name: "Export CSV" }).click();
    const content = await readFile(String(await (await download).path()), "utf8");
    assert.match(content, /^id,at,tenant,actorId,actor,via,action,target,detail\r\n\d+,.*,submit,audited-1,/);
    await page.getByLabel("Action").selectOption("cancel");
    await page.getByText("No entries match.").waitFor();
    assert.match(page.url(), /text=audited-1&action=cancel$/);
    await page.getByLabel("Action").selectOption("");
    assert.deepEqual(await violationsOf(page), []);
    await link.click();
    await heading(page, "Timeline");
  });
});
