import type pg from "pg";

/**
 * Finds the regions that the batch would make their own ancestors. Creates temporary tables for later checks: `merged`
 * (all regions as they would be: slug, parent_slug) and `cycles` (slug). The cost depends on the number of regions, not
 * on their depth, so that no batch keeps the server busy for long.
 *
 * Batches of regions run one at a time, so that two of them cannot close a cycle together.
 * @returns true if the batch closes no cycle
 */
export async function checkCycles(client: pg.ClientBase): Promise<boolean> {
  await client.query(`
    lock table regions in share row exclusive mode;
    lock table ports in share mode; -- no port takes a slug of this batch as its code
    create temp table merged on commit drop as
      select * from (
        select distinct on (slug) slug, nullif(parent_slug, '') as parent_slug
        from batch where slug is not null order by slug, line) named
      union all
      select slug, parent_slug from regions where not exists (select from batch where batch.slug = regions.slug);
    create index on merged (parent_slug);
    analyze merged;
    -- The parent of each region that no root reaches.
    create temp table leads on commit drop as
      with recursive rooted as (
        select slug from merged m where not exists (select from merged parent where parent.slug = m.parent_slug)
        union all
        select m.slug from rooted r join merged m on m.parent_slug = r.slug)
      select slug, parent_slug as ancestor from merged m where not exists (select from rooted where rooted.slug = m.slug);
    analyze leads`);
  const { rows } = await client.query<{ count: number }>("select count(*)::int as count from leads");
  // Each update doubles the distance: parent, grandparent, and so on. Once the distance is at least the number of such
  // regions, all their ancestors are on cycles, and each region on a cycle is an ancestor.
  for (let steps = 1; steps < (rows[0]?.count ?? 0); steps *= 2)
    await client.query(
      "update leads set ancestor = further.ancestor from leads further where further.slug = leads.ancestor",
    );
  const { rowCount } = await client.query(
    `create temp table cycles on commit drop as
       select distinct ancestor as slug from leads where ancestor in (select slug from batch)`,
  );
  return rowCount === 0;
}
