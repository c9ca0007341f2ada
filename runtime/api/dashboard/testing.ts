import type pg from "pg";

/**
 * Makes so many jobs of the last day, one in a thousand of which waits or runs, with their documents in the tracking
 * store, as if they had all been done: by one insert each, as a hundred thousand requests would take minutes.
 */
export async function fillWithJobs(admin: pg.Client, count: number, tenant: string): Promise<void> {
  await admin.query(
    `insert into jobs.jobs (tenant, request_id, request_hash, response_id, task, runner, priority, labels, timeout_seconds, max_attempts,
       lease_seconds, status, attempt, created_at, started_at, finished_at, status_history, attempts, stats, error, result, rank)
     select $2, 'nightly-' || n, 'h', $2 || '/nightly-' || n,
       case when n % 3 = 0 then jsonb_build_object('type', 'update', 'target', 'prices', 'mode', 'append', 'source', jsonb_build_object('s3', 's3://uploads/' || n))
         else jsonb_build_object('type', 'read', 'query', (array['average_rates', 'price_history', 'lane_coverage'])[1 + n % 2 + n % 7 / 6], 'params',
           jsonb_build_object('orig_code', 'CNSGH', 'dest_code', 'NLRTM', 'date_from', '2021-01-01', 'date_to', '2021-12-31'), 'format', 'csv', 'compression', 'none') end,
       case when n % 3 = 0 then 'ec2' else 'glue' end, 4, jsonb_build_object('team', (array['pricing', 'ocean', 'air'])[1 + n % 3]), 900, 3, 30,
       status, case when status = 'PENDING' then 0 else 1 end, created, started, ended,
       jsonb_build_array(jsonb_build_object('status', 'PENDING', 'at', jobs.iso(created)))
         || case when started is not null then jsonb_build_array(jsonb_build_object('status', 'IN_PROGRESS', 'at', jobs.iso(started))) else '[]' end
         || case when ended is not null then jsonb_build_array(jsonb_build_object('status', status, 'at', jobs.iso(ended))) else '[]' end,
       case when started is null then '[]' else jsonb_build_array(jsonb_strip_nulls(jsonb_build_object('runner', case when n % 3 = 0 then 'ec2' else 'glue' end, 'runId', 'run-' || n,
         'startedAt', jobs.iso(started), 'endedAt', jobs.iso(ended), 'peakMemoryBytes', 40000000, 'outcome', case when ended is not null then status end))) end,
       case when ended is not null then jsonb_build_object('queueMs', waited, 'executionMs', ran, 'totalMs', waited + ran, 'rows', n % 5000, 'bytes', n % 5000 * 31, 'peakMemoryBytes', 40000000, 'attempts', 1) end,
       case when status = 'FAILED' then jsonb_build_object('category', case when n % 2 = 0 then 'User' else 'System' end, 'type', (array['InvalidRows', 'RunnerLost', 'InvalidSql'])[1 + n % 3],
         'message', 'It failed for what the test says.', 'retryable', n % 2 = 1, 'details', '[]'::jsonb) end,
       case when status = 'SUCCEEDED' then jsonb_build_object('inline', 'day,price', 'format', 'csv', 'rows', n % 5000) end, 0
     from (select n, created, case when status <> 'PENDING' then created + waited * interval '1 ms' end as started,
         case when status not in ('PENDING', 'IN_PROGRESS') then created + (waited + ran) * interval '1 ms' end as ended, waited, ran, status
       from (select n, jobs.clock() - n * (interval '23 hours' / $1) - interval '1 minute' as created,
           -- A working day has its rush, and every query its own length.
           200 + (n * 7919 % 1000) * (2 + (n / 4000 % 9)) as waited, 400 + (n * 104729 % 1000) * (1 + n % 7) as ran,
           case when n <= $1 / 2000 then 'IN_PROGRESS' when n <= $1 / 1000 then 'PENDING' when n % 41 = 0 then 'FAILED' when n % 97 = 0 then 'CANCELLED' else 'SUCCEEDED' end as status
         from generate_series(1, $1::int) n) made) job`,
    [count, tenant],
  );
  await admin.query(
    `insert into tracking.documents (tenant, request_id, version, document, status, type, runner, created_at, finished_at, total_ms, queue_ms, execution_ms, error_type, labels, words)
     select j.tenant, j.request_id, 1, d.document, j.status, j.task->>'type', j.runner, j.created_at, coalesce(j.finished_at, '-infinity'),
       coalesce((j.stats->>'totalMs')::bigint, -1), (j.stats->>'queueMs')::bigint, (j.stats->>'executionMs')::bigint, j.error->>'type',
       array(select key || '=' || value from jsonb_each_text(j.labels)),
       array_to_tsvector(array['nightly', split_part(j.request_id, '-', 2), 'acme', lower(j.status), j.labels->>'team', coalesce(j.task->>'query', 'prices'), 'x' || substr(j.request_id, 9)])
     from jobs.jobs j join jobs.documents d using (id) where j.tenant = $1`,
    [tenant],
  );
  await admin.query("vacuum analyze jobs.jobs");
  await admin.query("vacuum analyze tracking.documents");
}
