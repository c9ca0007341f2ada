import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { SendMessageCommand } from "@aws-sdk/client-sqs";
import { expect } from "../../testing/dashboard/expect.ts";
import { dashboardSuite, heading, READ } from "../../testing/dashboard/fixture.ts";
import { accessibilityViolations } from "../../testing/dashboard/page.ts";

describe("dead letters and the audit trail in the dashboard", function () {
  this.timeout(60_000);
  this.slow(10_000);
  const suite = dashboardSuite({ runners: { glue: { slots: 1 }, ec2: { slots: 1 } } });

  it("shows dead letters by cause and message, and requeues those of a cause", async () => {
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
    await sqs.send(
      new SendMessageCommand({
        QueueUrl: queues.deadLetters,
        MessageBody: JSON.stringify({ requestId: "from-nowhere", task: { type: "read", query: "nothing_like_it" } }),
        MessageAttributes: {
          errorType: { DataType: "String", StringValue: "UnreadableMessage" },
          reason: { DataType: "String", StringValue: "it is not a request" },
        },
      }),
    );
    const page = await p.open(token, "#/dead-letters");
    const causes = page.getByRole("region", { name: "By cause" });
    await causes.getByText("because of StorageUnavailable").waitFor();
    await causes.getByText("All would fail again.").waitFor();
    await causes
      .getByText(/First seen .+, last .+, received at most \w+/)
      .first()
      .waitFor();
    await page.locator("header").getByText("3", { exact: true }).waitFor();
    // The header of other pages shows the number too.
    const other = await p.open(token, "#/load");
    await other.locator("header").getByText("3", { exact: true }).waitFor();
    // Causes whose messages may be accepted now are preselected.
    await causes.getByText("2 messages. You will be asked to confirm.").waitFor();
    await page.getByRole("searchbox", { name: "Search dead letters" }).fill("of storage");
    const letters = page.getByRole("region", { name: "Messages" }).locator("details");
    await letters.nth(1).waitFor({ state: "detached" });
    await letters.first().locator("summary").click();
    await letters.getByText("because of StorageUnavailable").waitFor();
    await expect(letters.locator("pre")).toHaveText(/from-StorageUnavailable/);
    assert.deepEqual(await accessibilityViolations(page), []);
    await page.getByRole("checkbox", { name: "StorageUnavailable" }).uncheck();
    const dialog = page.getByRole("dialog");
    await page.getByRole("button", { name: "Requeue selected" }).click();
    await dialog.getByText("1 message will be moved back to the request queue, as if just sent.").waitFor();
    await dialog.getByText("It is expected to be accepted.").waitFor();
    await dialog.getByRole("button", { name: "Requeue 1 message" }).click();
    await page.getByText("1 message moved back to the request queue.").waitFor();
    await page.getByRole("checkbox", { name: "DatabaseUnavailable" }).waitFor({ state: "detached" });
    const back = (await p.receive(queues.requests)).map(({ Body = "" }) => JSON.parse(Body).requestId);
    assert.deepEqual(back, ["from-DatabaseUnavailable"]);
    // Messages that would fail again are marked before they are sent.
    await page.getByRole("searchbox", { name: "Search dead letters" }).fill("from-nowhere");
    await page.locator("summary", { hasText: "would fail again" }).click();
    await page.getByRole("button", { name: "Requeue this message" }).click();
    await dialog.getByText("It would fail again, since").waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("button", { name: "Requeue selected" }).click();
    await dialog.getByRole("button", { name: "Requeue 1 message" }).click();
    await page.getByRole("checkbox", { name: "StorageUnavailable" }).waitFor({ state: "detached" });
  });

  it("warns before one message is requeued only if this message would fail again", async () => {
    const { p, token } = suite;
    const { sqs, queues } = p.context;
    for (const query of ["price_export", "nothing_like_it"])
      await sqs.send(
        new SendMessageCommand({
          QueueUrl: queues.deadLetters,
          MessageBody: JSON.stringify({ requestId: `of-${query}`, task: { ...READ, query } }),
          MessageAttributes: { errorType: { DataType: "String", StringValue: "StorageUnavailable" } },
        }),
      );
    const page = await p.open(token, "#/dead-letters");
    const dialog = page.getByRole("dialog");
    for (const [id, text] of [
      ["of-price_export", "It is expected to be accepted."],
      ["of-nothing_like_it", "It would fail again, since"],
    ] as const) {
      const letter = page.locator("details.letter", { hasText: id });
      await letter.locator("summary").click();
      await letter.getByRole("button", { name: "Requeue this message" }).click();
      await dialog.getByText(text).waitFor();
      await page.keyboard.press("Escape");
    }
  });

  it("shows and searches the audit trail, links to the job, and exports it", async () => {
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
    await expect(page).toHaveURL(/text=audited-1&action=cancel$/);
    await page.getByLabel("Action").selectOption("");
    assert.deepEqual(await accessibilityViolations(page), []);
    await link.click();
    await heading(page, "Timeline");
  });
});
