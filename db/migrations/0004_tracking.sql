-- Tracking store of small stacks: the documents of jobs, for people to search. Dispatchers write those that
-- jobs.untracked_batch returns; the store can be emptied and rebuilt from the jobs at any time.
create schema tracking;

create table tracking.documents (
  tenant text collate "C" not null,
  request_id text collate "C" not null,
  version bigint not null,
  document jsonb not null,
  -- Fields that filters, sorts and aggregations use, copied from the document so that they do not read it.
  status text not null,
  type text not null,
  runner text not null,
  created_at timestamptz not null,
  -- Never null, so that one index has the order of all documents; a job that has not ended sorts lowest.
  finished_at timestamptz not null default '-infinity',
  total_ms bigint not null default -1,
  queue_ms bigint,
  execution_ms bigint,
  error_type text,
  -- As key=value: Postgres has statistics of the elements of an array, but not of the members of a jsonb, and would
  -- collect and sort a third of all documents for a page of a frequent label.
  labels text[] not null,
  words tsvector not null,
  primary key (tenant, request_id)
);
-- A page in any order is read from an index, forwards or backwards, for one tenant or for all.
create index documents_created on tracking.documents (created_at, tenant, request_id);
create index documents_finished on tracking.documents (finished_at, tenant, request_id);
create index documents_total on tracking.documents (total_ms, tenant, request_id);
create index documents_tenant_created on tracking.documents (tenant, created_at, request_id);
create index documents_tenant_finished on tracking.documents (tenant, finished_at, request_id);
create index documents_tenant_total on tracking.documents (tenant, total_ms, request_id);
create index documents_status_created on tracking.documents (status, created_at, tenant, request_id);
-- Index-only scans for aggregations over a tenant or a period.
create index documents_figures on tracking.documents (created_at)
  include (tenant, status, type, runner, error_type, queue_ms, execution_ms, total_ms);
-- The pending list writes a few hundred documents to the tree at a time: 3 kB of WAL per document instead of 13 kB, in
-- a third of the time. A search reads the pending list too, so it is short (limits in kB).
create index documents_labels on tracking.documents using gin (labels) with (fastupdate = on, gin_pending_list_limit = 64);
create index documents_words on tracking.documents using gin (words) with (fastupdate = on, gin_pending_list_limit = 256);

grant usage on schema tracking to dispatcher, api_reader;
grant select, insert, update, delete on tracking.documents to dispatcher;
grant select on tracking.documents to api_reader;
