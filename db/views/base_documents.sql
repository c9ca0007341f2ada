-- Document of each job in the tracking store: without the inline payload, without secrets, and without the sending of
-- the response, which usually follows within a second and would be one more write of most documents.
create or replace view jobs.base_documents as
select j.id, j.tenant, j.request_id, j.version, j.status, j.run_id, j.finished_at, j.response_number, j.sent_at, j.message_id,
  jobs.bounded_document(jsonb_strip_nulls(jsonb_build_object(
    'requestId', j.request_id, 'tenant', j.tenant, 'requestHash', j.request_hash, 'responseId', j.response_id,
    'status', j.status, 'priority', j.priority, 'reply', j.reply, 'runner', j.runner, 'timeoutSeconds', j.timeout_seconds, 'traceparent', j.traceparent,
    'leaseUntil', jobs.iso(j.lease_until), 'cancelRequestedAt', jobs.iso(j.cancel_requested_at), 'cancelReason', j.cancel_reason,
    'createdAt', jobs.iso(j.created_at), 'startedAt', jobs.iso(j.started_at), 'finishedAt', jobs.iso(j.finished_at),
    'progress', j.progress, 'stats', j.stats, 'error', j.error, 'result', j.result))
  || jsonb_build_object('task', coalesce(j.redacted -> 'task', j.task), 'labels', coalesce(j.redacted -> 'labels', j.labels), 'statusHistory', j.status_history, 'attempts', j.attempts)) as document
from jobs.jobs j;

grant select on jobs.base_documents to dispatcher;
