-- Document of each job, as people see it: without the inline payload and without secrets.
create or replace view jobs.documents as
select j.id, j.tenant, j.request_id, j.version, j.status, j.run_id,
  jobs.bounded_document(jsonb_strip_nulls(jsonb_build_object(
    'requestId', j.request_id, 'tenant', j.tenant, 'requestHash', j.request_hash, 'responseId', j.response_id,
    'status', j.status, 'priority', j.priority, 'reply', j.reply, 'runner', j.runner, 'timeoutSeconds', j.timeout_seconds, 'traceparent', j.traceparent,
    'leaseUntil', jobs.iso(j.lease_until), 'cancelRequestedAt', jobs.iso(j.cancel_requested_at), 'cancelReason', j.cancel_reason,
    'createdAt', jobs.iso(j.created_at), 'startedAt', jobs.iso(j.started_at), 'finishedAt', jobs.iso(j.finished_at),
    'progress', j.progress, 'stats', j.stats, 'error', j.error, 'result', j.result,
    'response', case when j.finished_at is not null then jsonb_build_object('sentAt', jobs.iso(j.sent_at), 'messageId', j.message_id) end))
  || jsonb_build_object('task', coalesce(j.redacted -> 'task', j.task), 'labels', coalesce(j.redacted -> 'labels', j.labels), 'statusHistory', j.status_history, 'attempts', j.attempts)) as document
from jobs.jobs j;

grant select on jobs.documents to api_reader, dispatcher;
