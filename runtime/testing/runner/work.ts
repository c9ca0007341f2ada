/** A read of one row, and an update of one. */
export const WORK = {
  read: { type: "read", sql: "select count(*) from prices" },
  update: {
    type: "update",
    target: "prices",
    source: { inline: [{ orig_code: "AAAAA", dest_code: "BBBBB", day: "2021-01-01", price: 5 }] },
  },
} as const;

/** Each runner with the work that it does. */
export const RUNNER_WORK = [
  ["TypeScript", "read"],
  ["TypeScript", "update"],
  ["Python", "read"],
] as const;
