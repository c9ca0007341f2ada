import { closeSync, fdatasync, mkdirSync, openSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { promisify } from "node:util";
import type { QueuePersistence, SqsMessage, SqsQueue, SqsStore } from "./fauxqs.ts";

const FILE = "fauxqs.db";

interface QueueRow {
  name: string;
  url: string;
  arn: string;
  attributes: string;
  tags: string;
}

interface MessageRow {
  message_id: string;
  body: string;
  md5_of_body: string;
  message_attributes: string;
  md5_of_message_attributes: string;
  sent_timestamp: number;
  approximate_receive_count: number;
  approximate_first_receive_timestamp: number | null;
  delay_until: number | null;
}

/**
 * The same tables as in fauxqs's own file, so that a directory of an older version of the platform keeps its messages.
 */
const SCHEMA = `
  create table if not exists sqs_queues (
    name text primary key, url text not null, arn text not null, attributes text not null, tags text not null,
    created_timestamp integer not null, last_modified_timestamp integer not null, sequence_counter integer not null default 0);
  create table if not exists sqs_messages (
    message_id text primary key, queue_name text not null references sqs_queues(name) on delete cascade, body text not null,
    md5_of_body text not null, message_attributes text not null, md5_of_message_attributes text not null,
    sent_timestamp integer not null, approximate_receive_count integer not null default 0,
    approximate_first_receive_timestamp integer, delay_until integer, message_group_id text, message_deduplication_id text,
    sequence_number text, receipt_handle text, visibility_deadline integer)`;

const STATEMENTS = {
  begin: "begin",
  commit: "commit",
  insertQueue: `insert into sqs_queues (name, url, arn, attributes, tags, created_timestamp, last_modified_timestamp)
    values (?, ?, ?, ?, ?, ?, ?) on conflict (name) do update set url = excluded.url, arn = excluded.arn,
    attributes = excluded.attributes, tags = excluded.tags, last_modified_timestamp = excluded.last_modified_timestamp`,
  deleteQueue: "delete from sqs_queues where name = ?",
  updateQueue: "update sqs_queues set attributes = ?, last_modified_timestamp = ? where name = ?",
  insertMessage: `insert or replace into sqs_messages (message_id, queue_name, body, md5_of_body, message_attributes,
    md5_of_message_attributes, sent_timestamp, approximate_receive_count, approximate_first_receive_timestamp, delay_until)
    values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  deleteMessage: "delete from sqs_messages where message_id = ?",
  deleteMessages: "delete from sqs_messages where queue_name = ?",
  received: `update sqs_messages set approximate_receive_count = ?, approximate_first_receive_timestamp = ? where message_id = ?`,
} as const;

/**
 * Stores queues and messages in a SQLite file, instead of fauxqs's own store, which syncs the disk for every sent,
 * received or deleted message: ten times per batch. Here all writes of one turn of the event loop are one transaction,
 * and senders wait for a sync that concurrent calls share (`waitUntilSynced`). Nothing else waits: if a crash of the
 * machine loses a receive or a deletion, the message is delivered again.
 */
export class QueueFile {
  readonly #db: DatabaseSync;
  readonly #statements: Readonly<Record<keyof typeof STATEMENTS, StatementSync>>;
  readonly #walFile: number;
  #syncing: Promise<void> = Promise.resolve();
  #nextSync: Promise<void> | undefined;

  constructor(directory: string) {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    this.#db = new DatabaseSync(join(directory, FILE), { enableForeignKeyConstraints: true });
    // NORMAL syncs at checkpoints only; `waitUntilSynced` syncs the write-ahead log.
    this.#db.exec(`pragma journal_mode = wal; pragma synchronous = normal; begin; ${SCHEMA}; commit`);
    this.#statements = Object.fromEntries(
      Object.entries(STATEMENTS).map(([name, sql]) => [name, this.#db.prepare(sql)]),
    ) as Record<keyof typeof STATEMENTS, StatementSync>;
    // SQLite removes this file only when the last connection closes, and this is the only connection.
    this.#walFile = openSync(join(directory, `${FILE}-wal`), "r");
  }

  /** Loads the stored queues and messages into fauxqs's store, and saves later changes of that store. */
  attach(store: SqsStore): void {
    // fauxqs's type is a class with private members, which no other class can implement.
    const persistence = this as unknown as QueuePersistence;
    for (const row of this.#db.prepare("select * from sqs_queues").all() as unknown as QueueRow[]) {
      const { name, url, arn, attributes, tags } = row;
      const queue = store.createQueue(name, url, arn, JSON.parse(attributes), JSON.parse(tags));
      // Received messages are visible again, since their receipt handles are no longer valid.
      for (const message of this.#messages(name)) queue.enqueue(message);
      queue.persistence = persistence;
    }
    store.persistence = persistence;
  }

  /** Resolves when all past writes survive a crash of the machine. */
  waitUntilSynced(): Promise<void> {
    this.#commit();
    // A running sync may miss later writes: calls during a sync share the next sync.
    this.#nextSync ??= this.#syncing.then(() => {
      this.#nextSync = undefined;
      const syncing = syncData(this.#walFile);
      this.#syncing = syncing.catch(() => undefined);
      return syncing;
    });
    return this.#nextSync;
  }

  async close(): Promise<void> {
    // Closing the file during a sync would make its senders fail, including those that call while it closes.
    await this.waitUntilSynced().catch(() => undefined);
    let ended: Promise<void> | undefined;
    do {
      ended = this.#syncing;
      await ended;
    } while (this.#nextSync !== undefined || this.#syncing !== ended);
    this.#commit();
    closeSync(this.#walFile);
    this.#db.close();
  }

  insertQueue({ name, url, arn, attributes, tags, createdTimestamp, lastModifiedTimestamp }: SqsQueue): void {
    const texts = [JSON.stringify(attributes), JSON.stringify(Object.fromEntries(tags))];
    this.#run("insertQueue", name, url, arn, ...texts, createdTimestamp, lastModifiedTimestamp);
  }
  deleteQueue(name: string): void {
    this.#run("deleteQueue", name);
  }
  updateQueueAttributes(name: string, attributes: Record<string, string>, lastModified: number): void {
    this.#run("updateQueue", JSON.stringify(attributes), lastModified, name);
  }

  insertMessage(queueName: string, message: SqsMessage): void {
    this.#run(
      "insertMessage",
      message.messageId,
      queueName,
      message.body,
      message.md5OfBody,
      JSON.stringify(message.messageAttributes),
      message.md5OfMessageAttributes,
      message.sentTimestamp,
      message.approximateReceiveCount,
      message.approximateFirstReceiveTimestamp ?? null,
      message.delayUntil ?? null,
    );
  }
  deleteMessage(messageId: string): void {
    this.#run("deleteMessage", messageId);
  }
  deleteQueueMessages(queueName: string): void {
    this.#run("deleteMessages", queueName);
  }
  /**
   * Stores the receive count of a message; its receipt handle is not stored, since it is valid only in this process.
   */
  updateMessageInflight(messageId: string, _handle: string, _until: number, receives: number, first?: number): void {
    this.#run("received", receives, first ?? null, messageId);
  }
  /** Does nothing: a message that becomes visible again keeps its receive count. */
  updateMessageReady(): void {}

  #run(statement: keyof typeof STATEMENTS, ...values: (string | number | null)[]): void {
    if (!this.#db.isTransaction) {
      this.#statements.begin.run();
      setImmediate(() => this.#commit());
    }
    this.#statements[statement].run(...values);
  }

  #commit(): void {
    if (this.#db.isOpen && this.#db.isTransaction) this.#statements.commit.run();
  }

  #messages(queue: string): SqsMessage[] {
    const rows = this.#db.prepare("select * from sqs_messages where queue_name = ? order by rowid").all(queue);
    return (rows as unknown as MessageRow[]).map((row) => ({
      messageId: row.message_id,
      body: row.body,
      md5OfBody: row.md5_of_body,
      messageAttributes: JSON.parse(row.message_attributes),
      md5OfMessageAttributes: row.md5_of_message_attributes,
      sentTimestamp: row.sent_timestamp,
      approximateReceiveCount: row.approximate_receive_count,
      ...(row.approximate_first_receive_timestamp === null
        ? {}
        : { approximateFirstReceiveTimestamp: row.approximate_first_receive_timestamp }),
      ...(row.delay_until === null ? {} : { delayUntil: row.delay_until }),
    }));
  }
}

const syncData = promisify(fdatasync);
