import type pg from "pg";

/**
 * Adds ended jobs with their responses and documents: four queries on both runner types, one job every `everyMs`
 * milliseconds up to now. One in twenty failed.
 */
export async function createManyJobs(admin: pg.ClientBase, count: number, everyMs = 30): Promise<void> {
  await admin.query(
    `insert into jobs.jobs (tenant, request_id, request_hash, response_id, task, runner, priority, labels, timeout_seconds,
       max_attempts, lease_seconds, rank, status, attempt, created_at, started_at, finished_at, status_history, attempts, stats, error, result,
       response, sent_at, message_id)
     select 'default', 'many-' || n, 'hash', 'many-' || n,
       jsonb_build_object('type', 'read', 'query', (array['average_rates', 'price_export', 'lane_coverage', 'price_history'])[1 + n % 4],
         'params', '{"date_from": "2021-01-01", "date_to": "2021-01-31", "orig_code": "CNSGH", "dest_code": "NLRTM"}'::jsonb,
         'format', 'csv', 'compression', 'none'),
       runner_type, 4, '{"team": "pricing"}', 900, 3, 30, 0, state, 1, at, at, at + interval '2 s',
       jsonb_build_array(jsonb_build_object('status', 'PENDING', 'at', jobs.iso(at)), jsonb_build_object('status', 'IN_PROGRESS', 'at', jobs.iso(at)),
         jsonb_build_object('status', state, 'at', jobs.iso(at + interval '2 s'))),
       jsonb_build_array(jsonb_build_object('runner', runner_type, 'startedAt', jobs.iso(at), 'endedAt', jobs.iso(at + interval '2 s'), 'outcome', state)),
       jsonb_build_object('queueMs', n % 1000, 'executionMs', n * 7 % 5000, 'totalMs', n % 6000, 'rows', n, 'bytes', n * 20, 'attempts', 1, 'peakMemoryBytes', 60000000),
       case when state = 'FAILED' then jsonb_build_object('type', (array['InvalidRows', 'TimedOut', 'InvalidSql'])[1 + n % 3], 'category', 'User', 'message', 'm', 'retryable', false, 'details', '[]'::jsonb) end,
       case when state = 'SUCCEEDED' then jsonb_build_object('location', 's3://results/x', 'bytes', n * 20, 'rows', n, 'format', 'csv') end,
       '{}', at + interval '2 s', 'm'
     from (select n, jobs.clock() - n * make_interval(secs => $2::float8 / 1000) - interval '2 s' as at, case when n % 5 = 0 then 'ec2' else 'glue' end as runner_type,
             case when n % 20 = 0 then 'FAILED' else 'SUCCEEDED' end as state
           from generate_series(1, $1::integer) n) x`,
    [count, everyMs],
  );
  await admin.query(
    `insert into tracking.documents (tenant, request_id, version, document, status, type, runner, created_at, finished_at, total_ms, queue_ms, execution_ms, error_type, labels, words)
     select d.tenant, d.request_id, d.version, d.document, d.status, 'read', d.document ->> 'runner', j.created_at, j.finished_at,
       (j.stats ->> 'totalMs')::bigint, (j.stats ->> 'queueMs')::bigint, (j.stats ->> 'executionMs')::bigint, j.error ->> 'type', '{team=pricing}',
       array_to_tsvector(array['many', split_part(d.request_id, '-', 2), lower(d.status)])
     from jobs.documents d join jobs.jobs j on j.id = d.id where d.request_id like 'many-%'`,
  );
  await admin.query("analyze jobs.jobs, tracking.documents");
}
