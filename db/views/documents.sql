-- Document of each job, as people see it: that of the tracking store, with the sending of the response.
create or replace view jobs.documents as
select d.id, d.tenant, d.request_id, d.version, d.status, d.run_id,
  d.document || case when d.finished_at is null then '{}' else jsonb_build_object('response', jsonb_strip_nulls(jsonb_build_object(
    'sentAt', jobs.iso(coalesce(d.sent_at, s.sent_at)), 'messageId', coalesce(d.message_id, s.message_id)))) end as document
from jobs.base_documents d left join lateral (
  select n.sent_at, n.messages[array_position(n.numbers, d.response_number)] as message_id from (
    select * from jobs.sendings where run_id = d.run_id and through >= d.response_number order by through limit 1) n
  where d.response_number = any (n.numbers)) s on d.response_number is not null;

grant select on jobs.documents to api_reader, dispatcher;
