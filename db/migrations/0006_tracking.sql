-- The tracking store of a scaled-down stack: the documents of jobs, for people to search. A projection that dispatchers
-- write from the outbox; it can be emptied and rebuilt from the jobs at any time.
create schema tracking authorization migrator;
set local role migrator;

create table tracking.documents (
  tenant text collate "C" not null,
  request_id text collate "C" not null,
  version bigint not null,
  document jsonb not null,
  -- What filters and sorts ask for, taken out of the document.
  status text not null,
  type text not null,
  runner text not null,
  created_at timestamptz not null,
  finished_at timestamptz,
  total_ms bigint,
  error_type text,
  words tsvector not null,
  primary key (tenant, request_id)
);
create index documents_created on tracking.documents (created_at desc, tenant, request_id);
create index documents_tenant_created on tracking.documents (tenant, created_at desc, request_id);
create index documents_status_created on tracking.documents (status, created_at desc, tenant, request_id);
create index documents_finished on tracking.documents (finished_at desc nulls last, tenant, request_id);
create index documents_total on tracking.documents (total_ms desc nulls last, tenant, request_id);
create index documents_words on tracking.documents using gin (words) with (fastupdate = off);

reset role;
grant usage on schema tracking to dispatcher, api_reader;
grant select, insert, update, delete on tracking.documents to dispatcher;
grant select on tracking.documents to api_reader;
