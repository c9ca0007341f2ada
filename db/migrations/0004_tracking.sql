-- The tracking store of a scaled-down stack: the documents of jobs, for people to search. A projection that dispatchers
-- write from jobs.untracked; it can be emptied and rebuilt from the jobs at any time.
create schema tracking;

create table tracking.documents (
  tenant text collate "C" not null,
  request_id text collate "C" not null,
  version bigint not null,
  document jsonb not null,
  -- What filters, sorts and figures ask for, taken out of the document: none of them must open it.
  status text not null,
  type text not null,
  runner text not null,
  created_at timestamptz not null,
  -- Never null, so that one index gives the order of every document; a job that has not ended counts as the lowest.
  finished_at timestamptz not null default '-infinity',
  total_ms bigint not null default -1,
  queue_ms bigint,
  execution_ms bigint,
  error_type text,
  -- As key=value: of an array's elements Postgres knows how frequent they are, of what is in a jsonb it does not, and
  -- would collect and sort a third of all documents for a page of a frequent label.
  labels text[] not null,
  words tsvector not null,
  primary key (tenant, request_id)
);
-- A page in any order is read off an index, forwards or backwards, one tenant's as well as everybody's.
create index documents_created on tracking.documents (created_at, tenant, request_id);
create index documents_finished on tracking.documents (finished_at, tenant, request_id);
create index documents_total on tracking.documents (total_ms, tenant, request_id);
create index documents_tenant_created on tracking.documents (tenant, created_at, request_id);
create index documents_tenant_finished on tracking.documents (tenant, finished_at, request_id);
create index documents_tenant_total on tracking.documents (tenant, total_ms, request_id);
create index documents_status_created on tracking.documents (status, created_at, tenant, request_id);
-- Figures over a tenant or a time, without the table.
create index documents_figures on tracking.documents (created_at)
  include (tenant, status, type, runner, error_type, queue_ms, execution_ms, total_ms);
-- Written to the tree a few hundred documents at a time: 3 kB of WAL per document in place of 13, and a third of the time.
-- A search reads the list of those that wait too, so it is kept short (kB).
create index documents_labels on tracking.documents using gin (labels) with (fastupdate = on, gin_pending_list_limit = 64);
create index documents_words on tracking.documents using gin (words) with (fastupdate = on, gin_pending_list_limit = 256);

grant usage on schema tracking to dispatcher, api_reader;
grant select, insert, update, delete on tracking.documents to dispatcher;
grant select on tracking.documents to api_reader;
