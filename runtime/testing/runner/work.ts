/** Tasks: a read of one row, and an update of one row. */
export const WORK = {
  read: { type: "read", sql: "select count(*) from prices" },
  update: {
    type: "update",
    target: "prices",
    source: { inline: [{ orig_code: "AAAAA", dest_code: "BBBBB", day: "2021-01-01", price: 5 }] },
  },
} as const;

/** Runners, each with a type of task that it executes. */
export const RUNNER_WORK = [
  ["TypeScript", "read"],
  ["TypeScript", "update"],
  ["Python", "read"],
] as const;
