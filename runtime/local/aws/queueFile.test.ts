import assert from "node:assert/strict";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SqsStore } from "./fauxqs.ts";
import { QueueFile } from "./queueFile.ts";

describe("the file of the local queues", () => {
  let base: string;
  let directory: string;
  const open: QueueFile[] = [];
  beforeEach(() => {
    base = mkdtempSync(join(tmpdir(), "rates-queue-file-"));
    directory = join(base, "aws");
  });
  afterEach(async () => {
    for (const file of open.splice(0)) await file.close();
    rmSync(base, { recursive: true });
  });

  function openIn(path: string) {
    const store = new SqsStore();
    const file = new QueueFile(path);
    open.push(file);
    file.attach(store);
    return { file, store };
  }
  const create = (store: SqsStore, name: string) =>
    store.createQueue(name, `http://127.0.0.1/000000000000/${name}`, `arn:aws:sqs:eu-west-1:000000000000:${name}`);
  const bodies = (store: SqsStore, name: string) =>
    store
      .getQueueByName(name)
      ?.inspectMessages()
      .ready.map(({ body }) => body);

  /** Copies the current files, without data that is not yet written, as a crash would leave them. */
  function copyAsAfterCrash(): string {
    const copy = join(base, "copy");
    cpSync(directory, copy, { recursive: true });
    return copy;
  }

  it("has every synced message after a crash, in order, with its attributes and receive count", async () => {
    const { file, store } = openIn(directory);
    const queue = create(store, "requests");
    const sent = ["first", "second", "third"].map((body) =>
      SqsStore.createMessage(body, { kind: { DataType: "String", StringValue: body } }),
    );
    for (const message of sent) queue.enqueue(message);
    queue.dequeue(1);
    await file.waitUntilSynced();
    const after = openIn(copyAsAfterCrash()).store.getQueueByName("requests");
    assert.deepEqual(
      after?.inspectMessages().ready.map(({ body, messageId, messageAttributes, approximateReceiveCount }) => ({
        body,
        messageId,
        kind: messageAttributes.kind?.StringValue,
        approximateReceiveCount,
      })),
      sent.map(({ body, messageId }, index) => ({
        body,
        messageId,
        kind: body,
        approximateReceiveCount: index === 0 ? 1 : 0,
      })),
    );
  });

  it("syncs messages that arrive during a sync with the next sync", async () => {
    const { file, store } = openIn(directory);
    const queue = create(store, "requests");
    queue.enqueue(SqsStore.createMessage("first"));
    const first = file.waitUntilSynced();
    await Promise.resolve();
    queue.enqueue(SqsStore.createMessage("second"));
    const second = file.waitUntilSynced();
    queue.enqueue(SqsStore.createMessage("third"));
    assert.equal(file.waitUntilSynced(), second, "one sync serves both");
    await Promise.all([first, second]);
    assert.deepEqual(bodies(openIn(copyAsAfterCrash()).store, "requests"), ["first", "second", "third"]);
  });

  it("closes after the last sync, so that no sender fails", async () => {
    const { file, store } = openIn(directory);
    create(store, "requests").enqueue(SqsStore.createMessage("first"));
    const first = file.waitUntilSynced();
    await Promise.resolve();
    let isSynced = false;
    const second = file.waitUntilSynced().then(() => {
      isSynced = true;
    });
    open.splice(0);
    await file.close();
    assert.ok(isSynced);
    await Promise.all([first, second]);
  });

  it("closes after the syncs of senders that call while it closes", async () => {
    const { file, store } = openIn(directory);
    const queue = create(store, "requests");
    open.splice(0);
    const closing = file.close();
    await Promise.resolve();
    queue.enqueue(SqsStore.createMessage("late"));
    let isSynced = false;
    const late = file.waitUntilSynced().then(() => {
      isSynced = true;
    });
    await closing;
    // Runs the pending callbacks of promises; a sync cannot end meanwhile.
    await new Promise<void>((resolve) => process.nextTick(resolve));
    assert.ok(isSynced);
    await late;
  });

  it("has no deleted or purged messages and no deleted queues after a restart", async () => {
    const { store } = openIn(directory);
    for (const name of ["kept", "purged", "deleted"])
      for (const body of ["one", "two"])
        (store.getQueueByName(name) ?? create(store, name)).enqueue(SqsStore.createMessage(body));
    const partlyRead = store.getQueueByName("kept");
    partlyRead?.deleteMessage(partlyRead.dequeue(1)[0]?.ReceiptHandle ?? "");
    store.getQueueByName("purged")?.purge();
    store.deleteQueue("http://127.0.0.1/000000000000/deleted");
    for (const file of open.splice(0)) await file.close();

    const after = openIn(directory).store;
    assert.deepEqual(bodies(after, "kept"), ["two"]);
    assert.deepEqual(bodies(after, "purged"), []);
    assert.equal(bodies(after, "deleted"), undefined);
  });

  it("keeps a delayed message delayed, and a queue's attributes", async () => {
    const { store } = openIn(directory);
    const queue = create(store, "requests");
    queue.enqueue(SqsStore.createMessage("later", {}, 900));
    queue.setAttributes({ VisibilityTimeout: "77" });
    for (const file of open.splice(0)) await file.close();

    const after = openIn(directory).store.getQueueByName("requests");
    assert.deepEqual(after?.inspectMessages().ready, []);
    assert.deepEqual(
      after?.inspectMessages().delayed.map(({ body }) => body),
      ["later"],
    );
    assert.equal(after?.getAttribute("VisibilityTimeout"), "77");
  });
});
