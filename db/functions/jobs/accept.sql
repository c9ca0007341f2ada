-- Accepts a batch of requests in one statement. Input: a JSON array of {tenant, requestId, requestHash, responseId,
-- task, redacted, inline, sql, runner, ec2Fallback, priority, labels, timeoutSeconds, maxAttempts, leaseSeconds,
-- reply}. Optional fields are traceparent, maxWaiting (the tenant's maximum of waiting jobs) and isRepeat, which marks a
-- request that repeats an accepted one, but that the current rules refuse: it creates no job, and if its job no longer
-- exists, the outcome is FULL.
-- Returns a row per request, in order: ACCEPTED, REPEATED (same task: the existing job), CONFLICT (another task) or
-- FULL (no job was created, since the tenant's waiting jobs are at their maximum). A repeat that asks for a reply on
-- the queue has the response sent there again: at once if the job has ended (answered: its response is due, see
-- due_responses), otherwise when it ends.
create or replace function jobs.accept(requests json)
returns table (ordinal integer, outcome text, job_id bigint, status text, answered boolean)
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  moment timestamptz := jobs.clock();
  created bigint[]; -- in the order of the requests
  created_count integer;
  runners text[]; -- of the created jobs
  tenant_requests record;
  capacity integer;
  refused text[] := '{}'; -- "TENANT\nREQUEST ID" of requests that exceed their tenant's maximum
begin
  for tenant_requests in
    select r.tenant, count(distinct r."requestId")::integer as wanted, max(r."maxWaiting") as maximum
    from json_to_recordset(requests) as r(tenant text, "requestId" text, "maxWaiting" integer) group by 1 order by 1
  loop
    continue when tenant_requests.maximum is null;
    capacity := jobs.waiting_capacity(tenant_requests.tenant, tenant_requests.wanted, tenant_requests.maximum);
    continue when capacity >= tenant_requests.wanted;
    refused := refused || array(
      select tenant_requests.tenant || E'\n' || asked.request_id
      from (select r.request ->> 'requestId' as request_id, min(r.position) as position
            from json_array_elements(requests) with ordinality r(request, position)
            where r.request ->> 'tenant' = tenant_requests.tenant group by 1) asked
      where not exists (select from jobs.jobs j where j.tenant = tenant_requests.tenant and j.request_id = asked.request_id)
      order by asked.position offset capacity);
  end loop;

  with asked as materialized (
    select r.*
    from rows from (json_to_recordset(requests) as (tenant text, "requestId" text, "requestHash" text, "responseId" text, task jsonb, redacted jsonb,
      inline json, sql text, runner text, "ec2Fallback" boolean, priority smallint, labels jsonb, "timeoutSeconds" integer, "maxAttempts" integer, "leaseSeconds" integer, reply text, traceparent text, "isRepeat" boolean)) with ordinality as r
  ), made as (
    insert into jobs.jobs (tenant, request_id, request_hash, response_id, task, redacted, inline, sql, runner, ec2_fallback, priority, labels,
                           timeout_seconds, max_attempts, lease_seconds, created_at, rank, status_history, reply, traceparent)
    select r.tenant, r."requestId", r."requestHash", r."responseId", r.task, r.redacted, r.inline, r.sql, r.runner, r."ec2Fallback", r.priority, r.labels,
           r."timeoutSeconds", r."maxAttempts", r."leaseSeconds", moment,
           r.priority - floor(extract(epoch from moment) / 60)::integer, jobs.event('PENDING', moment), coalesce(r.reply, 'queue'), r.traceparent
    from asked r
    where not (r.tenant || E'\n' || r."requestId") = any (refused) and not coalesce(r."isRepeat", false)
    -- In key order, so that two batches with the same ids never deadlock.
    order by r.tenant, r."requestId", r.ordinality
    -- No conflict target: with one, a concurrent insert that another unique index detects first would be an error.
    on conflict do nothing
    returning id, tenant, request_id, runner)
  select coalesce(array_agg(m.id order by a.ordinality), '{}'), count(distinct m.id), coalesce(array_agg(m.runner), '{}')
  into created, created_count, runners
  from asked a join made m on m.tenant = a.tenant and m.request_id = a."requestId";
  perform jobs.wake_runs(m.runner, count(*)::integer) from unnest(runners) m(runner) group by m.runner;
  if created_count = json_array_length(requests) then
    return query select c.position::integer, 'ACCEPTED', c.id, 'PENDING', false from unnest(created) with ordinality c(id, position);
    return;
  end if;

  -- end_job reads these rows; due_responses reads those of jobs that are ending concurrently.
  insert into jobs.reply_requests (job_id)
  select distinct j.id from json_to_recordset(requests) as r(tenant text, "requestId" text, "requestHash" text, reply text)
  join jobs.jobs j on j.tenant = r.tenant and j.request_id = r."requestId" and j.request_hash = r."requestHash"
  where coalesce(r.reply, 'queue') = 'queue' and j.reply = 'none' and j.finished_at is null
  order by j.id
  on conflict do nothing;

  return query
    with asked as (
      select r.position::integer as position, r.request->>'tenant' as tenant, r.request->>'requestId' as request_id, r.request->>'requestHash' as request_hash,
             coalesce(r.request->>'reply', 'queue') as reply,
             row_number() over (partition by r.request->>'tenant', r.request->>'requestId' order by r.position) as occurrence
      from json_array_elements(requests) with ordinality r(request, position)
    ), ended as materialized (
      -- Locked in the order of the ids, as in jobs.responses_sent, jobs.run_ended and jobs.due_responses, since two
      -- orders could deadlock.
      select j.id from jobs.jobs j
      where j.finished_at is not null and j.id in (
        select o.id from asked a join jobs.jobs o on o.tenant = a.tenant and o.request_id = a.request_id and o.request_hash = a.request_hash
        where a.reply = 'queue')
      order by j.id for update
    ), again as (
      update jobs.jobs p set sent_at = null, due_at = moment + interval '10 seconds', response_number = null,
        version = version + 1, changed = pg_current_xact_id(), changed_at = moment
      where p.id in (select id from ended)
      returning p.id as job_id
    )
    select a.position, case when j.id is null then 'FULL' when j.request_hash <> a.request_hash then 'CONFLICT' when j.id = any (created) and a.occurrence = 1 then 'ACCEPTED' else 'REPEATED' end,
           j.id, j.status::text, g.job_id is not null
    from asked a
    left join jobs.jobs j on j.tenant = a.tenant and j.request_id = a.request_id
    left join again g on g.job_id = j.id and j.request_hash = a.request_hash
    order by a.position;
end
$$;

grant execute on function jobs.accept(json) to api_reader, dispatcher;
