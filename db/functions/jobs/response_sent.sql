create or replace function jobs.response_sent(p_response bigint, p_message_id text)
returns void language sql security definer set search_path = pg_catalog, pg_temp as $$
  with sent as (
    update jobs.responses set sent_at = jobs.clock(), message_id = p_message_id where id = p_response returning job_id)
  update jobs.jobs set version = version + 1 where id = (select job_id from sent)
$$;

grant execute on function jobs.response_sent(bigint, text) to api_reader, dispatcher, job_keeper;
