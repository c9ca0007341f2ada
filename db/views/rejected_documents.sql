-- Document of each rejected request, as people see it. Its status REJECTED is not a status of jobs; its id is that of
-- the response.
create or replace view jobs.rejected_documents as
select id, tenant, copies as version, tracked, failures, not_before, jsonb_build_object(
  'rejectedId', id, 'requestId', request_id, 'tenant', tenant, 'status', 'REJECTED', 'source', source, 'copies', copies,
  'createdAt', jobs.iso(created_at), 'finishedAt', jobs.iso(created_at), 'lastSeenAt', jobs.iso(last_at), 'error', error, 'body', body,
  'labels', '{}'::jsonb) as document,
  request_id, source, copies, created_at, last_at, error->>'type' as error_type, error->>'message' as error_message, body
from jobs.rejected;

grant select on jobs.rejected_documents to api_reader, dispatcher;
